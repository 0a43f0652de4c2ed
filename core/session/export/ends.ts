/**
 * What the operations of a recording were done on. A recording names an end by a number: a ring
 * file on io_uring, a handle on the emulated machine. What a number stands for follows from the
 * calls and operations that made it, and it stands for something else once it is used again.
 */
import { HOST_CALL } from "../event.ts";
import type { EventRecord } from "../event.ts";

/** Kind of an end on io_uring that is a file: which of the disks it is was not recorded. */
export const DISK = "disk";
const PIPE = "pipe";
const TCP = "tcp";
/** Kind of what belongs to no file on io_uring. */
const TIMER = "timer";
const OTHER = "other";

const AF_INET = 2;
const STATUS_FILE = 1;

/** One end: a pipe's reader, a connection, a disk. */
export interface End {
  /** From 0, in the order in which they were seen; never used again. */
  readonly ordinal: number;
  /** The recording's number for it; -1 for none. */
  readonly id: number;
  /** Kind of the provider; `disk` for all disks on io_uring. */
  readonly kind: string;
  /** Kind and number: `tcp 5`, `pipe 0`. */
  readonly name: string;
  /** Address family of a socket, 0 for anything else. */
  readonly family: number;
  /** Which listener accepted it, if one did. */
  readonly listener: End | undefined;
  /** Whether a provider's operation was started on it. */
  used: boolean;
}

/** More than a session can have at once: what a damaged recording names beyond is forgotten. */
const ENDS_MAX = 1 << 17;

/** The ends that are in use at one moment of a recording. */
export class Ends {
  readonly #byId = new Map<number, End>();
  /** Handles that were opened or closed since they were used last. */
  readonly #reopened = new Set<number>();
  #count = 0;

  /** The end of a number; one that nothing has made known yet is made now. */
  find(id: number, kind: string): End {
    const known = this.#byId.get(id);
    if (known !== undefined && (known.kind === kind || kind === OTHER)) return known;
    return this.#add(id, kind);
  }

  /** The file of a ring request; requests without one belong to the timers. */
  ofFile(file: number): End {
    return file < 0 ? this.find(-1, TIMER) : this.find(file, OTHER);
  }

  /** The end that an accept brought. */
  accepted(id: number, listener: End): End {
    return this.#add(id, listener.kind, listener.family, listener);
  }

  /**
   * The end on which a provider's operation starts. A handle that is closed leaves no event of its
   * own, but whatever is opened with its number later does, before it is used.
   * @param opensOrCloses whether it is the operation that opens ends, and closes some
   */
  started(id: number, kind: string, opensOrCloses: boolean): End {
    let end = this.find(id, kind);
    if (opensOrCloses) {
      this.#reopened.add(id);
      return end;
    }
    if (this.#reopened.delete(id) && end.used) end = this.#add(id, kind);
    end.used = true;
    return end;
  }

  /** Learns from a host call what its files are. */
  hostCall(record: EventRecord): void {
    const { args, code, results } = record;
    if ((results[0] ?? 0) < 0) return;
    if (code === HOST_CALL.PIPE) {
      for (const file of results.slice(STATUS_FILE)) this.#add(file, PIPE);
    } else if (code === HOST_CALL.SOCKET) {
      this.#add(results[STATUS_FILE] ?? -1, TCP, args[0] ?? AF_INET);
    } else if (code === HOST_CALL.OPEN) {
      this.#add(results[STATUS_FILE] ?? -1, DISK);
    } else if (code === HOST_CALL.CLOSE) {
      this.#forget(args[0] ?? -1);
    }
  }

  #add(id: number, kind: string, family = 0, listener: End | undefined = undefined): End {
    const name = id < 0 ? kind : `${kind} ${id}`;
    const end: End = { ordinal: this.#count, id, kind, name, family, listener, used: false };
    this.#count++;
    this.#reopened.delete(id);
    this.#byId.set(id, end);
    if (this.#byId.size > ENDS_MAX) this.#forget(this.#byId.keys().next().value!);
    return end;
  }

  #forget(id: number): void {
    this.#byId.delete(id);
    this.#reopened.delete(id);
  }
}
