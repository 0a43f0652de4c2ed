/**
 * Programs for tests of what happens to a whole process; the scenario is the first argument, and
 * who enters the kernel the second.
 */
import type { Sink } from "../contract.ts";
import { OPCODE } from "../contract.ts";
import type { CompletionsBy } from "./options.ts";
import { UringBackend } from "./uring-backend.ts";

export const CHILD = import.meta.path;

/** Beyond the spin, so that the process is asleep when it happens. */
const LONG_MS = 20;

async function run(
  scenario: keyof typeof SCENARIOS,
  completions: CompletionsBy = "loop",
): Promise<void> {
  const backend = await UringBackend.open({ completions });
  const results: number[] = [];
  const sink: Sink = {
    turn() {},
    complete: (_slot, _generation, result) => void results.push(result),
    interrupt() {},
    expire: () => void results.push(0),
    input() {},
  };
  process.on("exit", () => process.stdout.write(`${JSON.stringify(results)}\n`));
  const program = new Program(backend, sink);
  await SCENARIOS[scenario](program);
}

class Program {
  readonly backend: UringBackend;
  readonly #sink: Sink;
  readonly #address: number;

  constructor(backend: UringBackend, sink: Sink) {
    this.backend = backend;
    this.#sink = sink;
    this.#address = backend.pinMemory(new Uint8Array(new SharedArrayBuffer(64)));
  }

  /** Asks for a byte of standard input. */
  read(): void {
    const input = this.backend.ring.files.add(0);
    this.backend.ring.prepare(OPCODE.READ, 0, 1, input, this.#address, 1, -1, 0);
    this.backend.ring.flush();
    process.stdout.write("reading\n");
  }

  /** Blocks the thread until something was delivered. */
  block(): void {
    this.backend.poll(this.#sink, true);
  }

  readonly deliver = (): void => {
    this.backend.poll(this.#sink, false);
  };
}

const SCENARIOS = {
  /** Nothing is asked for. */
  idle() {},
  /** A wake-up is armed although nothing can come. */
  "armed for nothing": ({ backend, deliver }: Program) => backend.armWake(deliver),
  /** A wake-up is withdrawn after the loop fell asleep; the request stays. */
  async disarmed(program: Program) {
    program.read();
    program.backend.armWake(program.deliver);
    await Bun.sleep(LONG_MS);
    program.backend.disarmWake();
  },
  /** Only the backend keeps the process until the byte comes. */
  pending(program: Program) {
    program.read();
    program.backend.armWake(program.deliver);
  },
  /** Only the backend keeps the process until the deadline. */
  sleeping({ backend, deliver }: Program) {
    backend.arm(backend.now() + LONG_MS * 1_000_000);
    backend.armWake(deliver);
  },
  /** The thread blocks, and signals come that somebody listens to. */
  signalled(program: Program) {
    process.on("SIGUSR2", () => {});
    program.read();
    const { enters } = program.backend.counters;
    program.block();
    process.stdout.write(`${program.backend.counters.enters - enters}\n`);
  },
};

if (import.meta.main) {
  const [scenario, completions] = process.argv.slice(2);
  await run(scenario as keyof typeof SCENARIOS, completions as CompletionsBy | undefined);
}
