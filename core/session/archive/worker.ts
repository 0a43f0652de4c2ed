/**
 * The Worker that archives: takes sealed frames into the database as they come, until it is told to
 * close. It waits on shared words and never needs the program's event loop. There is no top-level
 * `await` here or in what it imports: a Worker with one would wait for that loop to start.
 */
import { openForRecording } from "../store/database.ts";
import { SegmentInserter } from "../store/inserter.ts";
import { mapTail } from "../tail/tail-file.ts";
import { TailSyncer } from "../tail/tail-syncer.ts";
import { tailPath } from "../tail/layout.ts";
import { archiveLoop, type ArchiveSetup } from "./archive-loop.ts";

declare const self: { onmessage: ((event: { data: ArchiveSetup }) => void) | null };

self.onmessage = ({ data }) => {
  archiveLoop(data, () => {
    const file = tailPath(data.facts.path);
    const memory = mapTail(file);
    const syncer = data.options.durable ? new TailSyncer(file, memory) : undefined;
    const database = openForRecording(data.facts.path, data.options);
    return { memory, syncer, inserter: new SegmentInserter(database, data.facts) };
  });
};
