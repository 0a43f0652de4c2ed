/**
 * An operation's way through a disk's queue, as layers see it: into the table (or waiting outside
 * while it is full), waiting for its turn, and out again.
 */
import {
  bool,
  u8,
  type DriverContext,
  type LayerContext,
  type Move,
  type View,
  type Wait,
  type WaitQueue,
} from "../../../core/provider/index.ts";
import { Commands } from "./commands.ts";
import { REQUESTS_MAX, STATE, TRAIT } from "./table.ts";

/** What an operation's frame keeps of it. */
export const turnShape = {
  /** The line of its request in the table, plus one. */
  line: u8,
  /** Whether it waits outside, and whether it was told that there is room. */
  outside: bool,
  invited: bool,
} as const;
type TurnView = View<typeof turnShape>;

export class Turns {
  readonly commands: Commands;

  constructor(cx: DriverContext) {
    this.commands = new Commands(cx);
  }

  /**
   * Takes a line of the table.
   * @returns whether it has one; if not, it waits {@link outside}
   */
  enter(at: TurnView, run: LayerContext, kind: number, traits: number): boolean {
    const { table } = this.commands;
    const disk = table.at(run.resource);
    // Nobody passes those who were outside before.
    const slot = disk.outside > 0 && !at.invited ? -1 : table.take(run.resource, kind);
    if (at.invited) disk.promised -= 1;
    at.invited = false;
    if (slot < 0) {
      if (!at.outside) table.at(run.resource).outside += 1;
      at.outside = true;
      return false;
    }
    if (at.outside) table.at(run.resource).outside -= 1;
    at.outside = false;
    at.line = slot + 1;
    table.traits[run.resource * REQUESTS_MAX + slot] = traits;
    return true;
  }

  outside(run: LayerContext): Wait {
    return run.queue(this.commands.table.at(run.resource).door as WaitQueue);
  }

  /** Says what a request wants next: `sectors` from `lba` on, and in all up to `end`. */
  want(at: TurnView, resource: number, lba: number, sectors: number, end: number): void {
    const { table } = this.commands;
    const request = resource * REQUESTS_MAX + at.line - 1;
    table.lba[request] = lba;
    table.sectors[request] = sectors;
    table.end[request] = end;
  }

  /** Whether a request has become part of a command, and is to put its data in place. */
  isGranted(at: TurnView, resource: number): boolean {
    const { state } = this.commands.table;
    return state[resource * REQUESTS_MAX + at.line - 1] === STATE.GRANTED;
  }

  isWaiting(at: TurnView, resource: number): boolean {
    const { state } = this.commands.table;
    return state[resource * REQUESTS_MAX + at.line - 1] === STATE.WAITING;
  }

  /** Waits for the turn, or for the end of the command. */
  queue(at: TurnView, run: LayerContext): Wait {
    return run.queue(this.commands.table.queueOf(run.resource, at.line - 1));
  }

  /** The request goes again, by itself from now on. */
  retryAlone(at: TurnView, resource: number): void {
    const { commands } = this;
    const request = resource * REQUESTS_MAX + at.line - 1;
    commands.table.traits[request]! |= TRAIT.UNMERGED;
    commands.again(resource, at.line - 1);
  }

  /** The operation has its result: others may go. */
  depart(at: TurnView, run: LayerContext): void {
    this.commands.depart(run.resource, at.line - 1);
    at.line = 0;
    this.#passOn(run);
  }

  /**
   * The operation ends early, wherever it is.
   * @returns the tag of a command under way that is nobody's any more, or -1
   */
  leave(at: TurnView, run: LayerContext): number {
    const { commands } = this;
    if (at.line === 0) {
      if (!at.outside) return -1;
      commands.table.at(run.resource).outside -= 1;
      at.outside = false;
      if (!at.invited) return -1;
      commands.table.at(run.resource).promised -= 1;
      this.letIn(run);
      return -1;
    }
    const orphan = commands.leave(run.resource, at.line - 1);
    at.line = 0;
    this.#passOn(run);
    return orphan;
  }

  #passOn(run: LayerContext): void {
    this.letIn(run);
    this.commands.dispatch(run.resource);
  }

  /**
   * Has those who wait outside come in, first come first, as many as there are lines for. Nobody is
   * told in vain: who had to go to the end of the line again would have lost its place.
   */
  letIn(run: LayerContext): void {
    const { table } = this.commands;
    const disk = table.at(run.resource);
    if (disk.outside === 0) return;
    for (let room = table.room(run.resource) - disk.promised; room > 0; room--) {
      if (!run.wakeOne(disk.door as WaitQueue)) return;
      disk.promised += 1;
    }
  }
}

/** An operation that has no line ends with an error: whoever was behind it outside may come in. */
export function refuseAtDoor(turns: Turns, at: TurnView, run: LayerContext, result: number): Move {
  turns.leave(at, run);
  return run.fail(-result);
}
