/**
 * The session of a run that goes on where a recording was cut off: compared with the recording as
 * far as it goes, and recorded again as a whole. The new recording takes the place of the old one
 * when it has come to its end, so that nothing is lost if this run is killed, too.
 */
import { existsSync, renameSync, rmSync } from "node:fs";
import type { HostImages } from "../backend/emulated/host-images.ts";
import { ReelError } from "../errors.ts";
import type { Provider } from "../provider/define.ts";
import { recordedFacts } from "../session/facts.ts";
import { InputFeeder, recordedInputs } from "../session/input-feeder.ts";
import { removeRecording, resumedDraft } from "../session/library/remove.ts";
import { startRecording, type Recording } from "../session/recording.ts";
import { ResumeImages } from "../session/resume-images.ts";
import { ResumeTap } from "../session/resume-tap.ts";
import { versionSkew } from "../session/skew.ts";
import { claimPath, placeOf } from "../session/store/claim.ts";
import { closeRecorded, openForRecording } from "../session/store/database.ts";
import { storeError } from "../session/store/errors.ts";
import { removeTails } from "../session/tail/tail-file.ts";
import { TapBackend } from "../session/tap-backend.ts";
import { TapImages } from "../session/tap-images.ts";
import { Verifier } from "../session/verifier.ts";
import { comparableParts } from "./recorded-providers.ts";
import { attempt, type RecordedOptions, type Session } from "./session.ts";

const SIDECARS = ["-wal", "-shm", "-journal"];
const AS_IT_IS = { durable: true, sizeBytesMax: Infinity };

/**
 * @param recording cut off; stays the caller's to close, after the runtime
 * @throws {ReelError} ERR_UNSUPPORTED when it was recorded on io_uring, or is complete
 */
export function resumingSession(
  recording: Recording,
  providers: readonly Provider[],
  reproduce: string | undefined,
): Session {
  const { info } = recording;
  checkResumable(recording);
  const skew = versionSkew(info, providers);
  const verifier = new Verifier(recording, {
    reproduce,
    versionSkew: skew,
    comparable: comparableParts(recording, providers),
  });
  const place = placeOf(info.path);
  const draft = resumedDraft(place);
  const progress = startRecording(
    draft,
    {
      seed: info.seed,
      backend: info.backend,
      options: info.options,
      selection: info.selection,
      providers: info.providers,
      attachments: info.attachments.map(({ name }) => {
        return { name, content: recording.attachment(name)! };
      }),
    },
    {
      identity: { uuid: info.uuid, createdMs: info.createdMs, host: info.versions },
      ...policyAgain(info.options as RecordedOptions),
    },
  );
  const tap = new ResumeTap(verifier, progress.tap);
  return {
    tap,
    facts: recordedFacts(tap),
    wrap(backend, pool, program) {
      const inputs = recordedInputs(recording.cursor());
      const feeder = new InputFeeder(backend!, verifier, inputs, program.steps);
      const images = backend!.images as HostImages | undefined;
      const cursor = () => recording.cursor();
      return new TapBackend(feeder, tap, {
        ...program,
        memory: pool,
        images: images && new TapImages(new ResumeImages(images, tap, verifier, cursor), tap),
      });
    },
    finish(outcome) {
      const ended = attempt(() => tap.end(outcome));
      const { digest, eventCount, failure } = progress.finish();
      let failed = verifier.failure ?? ended ?? failure;
      if (failed !== undefined) removeRecording(draft);
      else failed = attempt(() => takePlace(draft, place));
      return {
        mode: "recorded",
        digest,
        events: eventCount,
        path: failed === undefined ? info.path : undefined,
        identical: undefined,
        failure: failed,
      };
    },
  };
}

function checkResumable({ complete, info }: Recording): void {
  const refuse = (why: string, mend: string): never => {
    throw new ReelError("ERR_UNSUPPORTED", `Cannot go on with ${info.path}: ${why}`, { mend });
  };
  if (info.backend !== "emulated") {
    refuse(
      "it was recorded on io_uring, and what the kernel held is gone",
      "Replay it, or run its program again",
    );
  }
  if (info.state === "recording") refuse("its process lives", "Wait for that process to end");
  if (complete) {
    // The recorder of one that is not complete itself was killed between the run's end and its own.
    const mend = info.state === "complete" ? "Replay it" : `ioreel session recover ${info.path}`;
    refuse(`its run came to its end (${info.outcome ?? "ok"})`, mend);
  }
  const { mode, redact } = (info.options as RecordedOptions).record ?? {};
  if (mode === "flight") refuse("it begins in mid-flight", "Run its program again");
  if (redact !== undefined) {
    refuse("what was redacted in it would be recorded from here on", "Run its program again");
  }
}

/** How the killed run was recorded, so that this one is recorded in the same way. */
function policyAgain({ record = {}, stateEvents }: RecordedOptions) {
  const { durable = false, mode = "block", payload = "auto" } = record;
  return { durable, mode, payload, stateEvents };
}

/** Puts the new recording in place of the old one, whose log and tail belong to it alone. */
function takePlace(draft: string, path: string): void {
  let release: (() => void) | undefined;
  try {
    release = claimPath(path);
    // What is committed goes into the one file: the log of another would be taken for the new
    // one's, and whoever is killed from here on leaves the old recording, or the new one.
    if (existsSync(`${path}-wal`)) closeRecorded(openForRecording(path, AS_IT_IS), path);
    for (const end of SIDECARS) rmSync(`${path}${end}`, { force: true });
    renameSync(draft, path);
    removeTails(path);
  } catch (error) {
    const { mend = "Try again", message } = storeError("replace the recording", error);
    const kept = existsSync(draft) ? `; the whole session is in ${draft}` : "";
    throw new ReelError("ERR_STORE", `${message}${kept}`, { mend, cause: error });
  } finally {
    release?.();
  }
}
