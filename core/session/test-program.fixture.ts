/**
 * A program for the session's tests: it copies blocks from files to files in several tasks, with
 * short reads, cancels, clock reads, marks and host calls, so that whatever the machine does shows
 * in what the program does next.
 */
import { OPCODE } from "../backend/contract.ts";
import type { Backend, Sink } from "../backend/contract.ts";
import type { ReelError } from "../errors.ts";
import type { TestMemory } from "./scripted-backend.fixture.ts";
import type { Tap } from "./tap.ts";

export interface ProgramOptions {
  readonly tasks: number;
  readonly rounds: number;
  /** Changes what a task does in one round; for programs that differ from the recorded one. */
  readonly twist?: (task: number, round: number) => Partial<TaskStep> | undefined;
}

/** What a task submits in one round. */
interface TaskStep {
  length: number;
  skip: boolean;
  extra: boolean;
  value: number;
}

const BLOCK = 512;
/** Polls that bring nothing, one after the other, while nothing else is to do. */
export const IDLE_POLLS_MAX = 1000;

/** Tasks over a backend, one resumption at a time, as the executor would drive them. */
export class TestProgram implements Sink {
  /** All that the program saw: equal for a run and its replay. */
  readonly log: string[] = [];
  steps = 0;
  readonly #memory: TestMemory;
  readonly #options: ProgramOptions;
  readonly #generations: number[] = [];
  readonly #ready: (() => void)[] = [];
  readonly #waiting = new Map<number, (result: number) => void>();
  #backend: Backend | undefined;
  #tap: Tap | undefined;
  #live = 0;
  #onExpire: (() => void) | undefined;

  constructor(memory: TestMemory, options: ProgramOptions) {
    this.#memory = memory;
    this.#options = options;
  }

  /** Runs to the end. */
  run(backend: Backend, tap: Tap): void {
    this.#backend = backend;
    this.#tap = tap;
    const { host } = backend;
    this.log.push(`pipe ${host!.pipe(4096).join()}`, `peek ${host!.peekPipe(3).toHex()}`);
    try {
      host!.open("/missing", 0, 0);
    } catch (error) {
      this.log.push((error as ReelError).code);
    }
    this.#live = this.#options.tasks;
    for (let task = 0; task < this.#options.tasks; task++) this.#later(() => this.#read(task, 0));
    let idle = 0;
    while (this.#live > 0) {
      for (let turns = 0; turns < 4 && this.#ready.length > 0; turns++) {
        this.steps++;
        this.#ready.shift()!();
      }
      const waits = this.#ready.length === 0;
      idle = backend.poll(this, waits) === 0 && waits ? idle + 1 : 0;
      // A defect of what is tested must not make the test spin.
      if (idle > IDLE_POLLS_MAX) throw new Error("The program waits for what never comes");
    }
    tap.end("ok");
  }

  turn(nowNs: number): void {
    this.log.push(`turn ${nowNs}`);
  }

  complete(slot: number, generation: number, result: number): void {
    if (generation !== this.#generations[slot]) return;
    this.log.push(`complete ${slot} ${result}`);
    const resume = this.#waiting.get(slot)!;
    this.#waiting.delete(slot);
    this.#later(() => resume(result));
  }

  interrupt(line: number): void {
    this.log.push(`interrupt ${line}`);
  }

  expire(nowNs: number): void {
    this.log.push(`expire ${nowNs}`);
    const fire = this.#onExpire;
    this.#onExpire = undefined;
    if (fire !== undefined) this.#later(fire);
  }

  input(kind: number, value: number): void {
    this.log.push(`input ${kind} ${value}`);
  }

  #later(resume: () => void): void {
    this.#ready.push(resume);
  }

  #submit(
    slot: number,
    opcode: number,
    file: number,
    length: number,
    resume: (result: number) => void,
  ): void {
    const generation = (this.#generations[slot] ?? 0) + 1;
    this.#generations[slot] = generation;
    this.#waiting.set(slot, resume);
    const address = this.#memory.base + slot * BLOCK;
    this.#backend!.ring!.prepare(opcode, slot, generation, file, address, length, -1, 0);
  }

  #read(task: number, round: number): void {
    const twist = this.#options.twist?.(task, round);
    const length = twist?.length ?? 64 + task * 8 + round;
    const bytes = (slot: number, count: number): Uint8Array =>
      this.#memory.bytes.subarray(slot * BLOCK, slot * BLOCK + count);
    if (twist?.extra === true) this.#submit(task + 32, OPCODE.NOP, -1, 0, () => {});
    this.#submit(task, OPCODE.READ, task + 1, length, (result) => {
      this.log.push(`read ${task} ${result} ${Bun.hash.crc32(bytes(task, Math.max(0, result)))}`);
      if (twist?.value !== undefined) bytes(task, 1)[0] = twist.value;
      if (twist?.skip === true) return this.#next(task, round);
      const out = Math.max(1, result);
      this.#submit(task, OPCODE.WRITE, task + 20, out, () => this.#next(task, round));
    });
    if ((task + round) % 7 === 0) {
      this.#backend!.ring!.cancel(task, this.#generations[task]!);
    }
  }

  #next(task: number, round: number): void {
    const tap = this.#tap!;
    if ((task + round) % 3 === 0) {
      const nowNs = this.#backend!.now();
      this.log.push(`now ${nowNs}`);
      tap.mark(`task ${task} round ${round}`);
      if (this.#onExpire === undefined) {
        this.#backend!.arm(nowNs + 10_000);
        this.#onExpire = () => this.log.push(`timer of ${task}`);
      }
    }
    if (round + 1 < this.#options.rounds) this.#later(() => this.#read(task, round + 1));
    else this.#live--;
  }
}
