/**
 * The calibration loop: what this machine and this Bun need for the least that an emulated device
 * and a task can do. A heap of events, the earliest is popped, one promise is resumed, its
 * microtasks are drained, and it puts its next event into the heap. It shares no code with ioreel,
 * so that it stays the same when ioreel becomes faster or slower.
 */
import { drainMicrotasks } from "bun:jsc";
import { timed, type Subject } from "../subject.ts";

/** Tasks, each with one event in the heap: as many as the descriptor table has slots by default. */
const TASKS = 1024;
const LONGEST_DELAY = 1000;

/** A binary heap of (time, sequence, task), ordered by the first two. */
class Events {
  readonly #times = new Float64Array(TASKS);
  readonly #sequences = new Float64Array(TASKS);
  readonly #tasks = new Int32Array(TASKS);
  #size = 0;
  #nextSequence = 0;
  /** Time of the event that was popped last. */
  now = 0;

  push(time: number, task: number): void {
    const times = this.#times;
    const sequences = this.#sequences;
    const tasks = this.#tasks;
    let place = this.#size++;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      // What is there already came earlier, so it wins a tie.
      if (times[parent]! <= time) break;
      times[place] = times[parent]!;
      sequences[place] = sequences[parent]!;
      tasks[place] = tasks[parent]!;
      place = parent;
    }
    times[place] = time;
    sequences[place] = this.#nextSequence++;
    tasks[place] = task;
  }

  /** Takes the earliest event out. @returns its task */
  pop(): number {
    const times = this.#times;
    const sequences = this.#sequences;
    const tasks = this.#tasks;
    const earliest = tasks[0]!;
    this.now = times[0]!;
    const last = --this.#size;
    const time = times[last]!;
    const sequence = sequences[last]!;
    let place = 0;
    for (;;) {
      let child = place * 2 + 1;
      if (child >= last) break;
      if (child + 1 < last && this.#isBefore(child + 1, child)) child++;
      if (time < times[child]! || (time === times[child]! && sequence < sequences[child]!)) break;
      times[place] = times[child]!;
      sequences[place] = sequences[child]!;
      tasks[place] = tasks[child]!;
      place = child;
    }
    times[place] = time;
    sequences[place] = sequence;
    tasks[place] = tasks[last]!;
    return earliest;
  }

  #isBefore(one: number, other: number): boolean {
    const difference = this.#times[one]! - this.#times[other]!;
    return difference < 0 || (difference === 0 && this.#sequences[one]! < this.#sequences[other]!);
  }
}

export default function open(): Subject {
  const events = new Events();
  const resumes = new Array<() => void>(TASKS);
  let random = 0x2545f491;

  /** From 0 up to LONGEST_DELAY (a 32-bit xorshift generator). */
  function nextDelay(): number {
    random ^= random << 13;
    random ^= random >>> 17;
    random ^= random << 5;
    return (random >>> 0) % LONGEST_DELAY;
  }

  async function runTask(task: number): Promise<never> {
    for (;;) {
      events.push(events.now + nextDelay(), task);
      await new Promise<void>((resolve) => {
        resumes[task] = resolve;
      });
    }
  }

  for (let task = 0; task < TASKS; task++) void runTask(task);
  return timed({
    batch: 1,
    run(operations) {
      for (let i = 0; i < operations; i++) {
        resumes[events.pop()]!();
        drainMicrotasks();
      }
    },
    close() {},
  });
}
