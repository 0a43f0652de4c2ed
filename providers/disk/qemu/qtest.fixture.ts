/**
 * QEMU as hardware: starts a machine of QEMU's and reaches its ports, its memory-mapped registers
 * and its interrupt lines over the qtest socket, one line asked and one answered. Calls block, as
 * an access to a register does. The processor of the machine stands still in its firmware (cli;
 * hlt), so nobody but the test touches the devices, while QEMU's clock runs.
 *
 * Reference: QEMU, docs/devel/testing/qtest.
 */
import { dlopen, ptr } from "bun:ffi";
import { closeSync, existsSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { libc } from "../../../core/backend/uring/libc.ts";

const QEMU = "qemu-system-i386";
const AF_UNIX = 1;
const SOCK_STREAM = 1;
const POLLIN = 1;
const ADDRESS_BYTES = 110;
const CHUNK_BYTES = 65536;
const START_TRIES_MAX = 500;
const START_WAIT_MS = 10;
const ANSWER_MS = 20_000;
/** cli; hlt; jmp to the hlt. */
const FIRMWARE = [0xfa, 0xf4, 0xeb, 0xfd];
const FIRMWARE_BYTES = 65536;
const RESET_VECTOR = 0xfff0;

/** Why QEMU's devices cannot be had; undefined when they can. */
export const missingQemu: string | undefined =
  Bun.which(QEMU) === null ? `${QEMU} is not installed` : undefined;
if (missingQemu !== undefined) console.warn(`SKIPPED: drivers on QEMU's devices: ${missingQemu}`);

function bind() {
  return dlopen(libc().name, {
    socket: { args: ["i32", "i32", "i32"], returns: "i32" },
    connect: { args: ["i32", "ptr", "u32"], returns: "i32" },
    poll: { args: ["ptr", "u64", "i32"], returns: "i32" },
    read: { args: ["i32", "ptr", "u64"], returns: "i64" },
    write: { args: ["i32", "ptr", "u64"], returns: "i64" },
  }).symbols;
}

export interface QtestOptions {
  /** Where the socket, the firmware and the memory's file go. */
  folder: string;
  machine: "pc" | "q35";
  /** Drives and devices: `-drive`, `-device` and their values. */
  arguments: readonly string[];
}

/** Memory of the machine: a file that both sides have mapped. */
const RAM_MEBIBYTES = 32;

export class Qtest {
  /** The machine's memory, shared with QEMU: what is written here is what its devices read. */
  readonly ram: Uint8Array;
  /** Called at each change of an interrupt line of the I/O APIC. */
  onLine: (line: number, high: boolean) => void = () => {};
  /** Register accesses so far. */
  asked = 0;
  readonly #process: Bun.Subprocess;
  readonly #calls = bind();
  readonly #file: number;
  readonly #chunk = new Uint8Array(CHUNK_BYTES);
  readonly #pollSet = new Int32Array(2);
  readonly #decoder = new TextDecoder();
  readonly #encoder = new TextEncoder();
  #rest = "";

  constructor({ folder, machine, arguments: more }: QtestOptions) {
    const at = (name: string): string => join(folder, name);
    const firmware = new Uint8Array(FIRMWARE_BYTES);
    firmware.set(FIRMWARE, RESET_VECTOR);
    writeFileSync(at("firmware"), firmware);
    writeFileSync(at("ram"), "");
    const memory = `size=${RAM_MEBIBYTES}M,mem-path=${at("ram")},share=on`;
    const fixed = ["-nodefaults", "-display", "none", "-accel", "tcg", "-no-shutdown"];
    const errors = openSync(at("errors"), "w");
    this.#process = Bun.spawn({
      cmd: [
        QEMU,
        "-M",
        `${machine},memory-backend=ram`,
        "-m",
        `${RAM_MEBIBYTES}M`,
        "-object",
        `memory-backend-file,id=ram,${memory}`,
        "-qtest",
        `unix:${at("qtest")},server=on,wait=off`,
        "-qtest-log",
        "/dev/null",
        "-bios",
        at("firmware"),
        ...fixed,
        ...more,
      ],
      stdout: "ignore",
      stderr: errors,
    });
    closeSync(errors);
    this.#file = this.#connect(at("qtest"), at("errors"));
    this.ask("irq_intercept_in ioapic");
    this.ram = Bun.mmap(at("ram"));
  }

  #connect(path: string, errors: string): number {
    const address = new Uint8Array(ADDRESS_BYTES);
    address[0] = AF_UNIX;
    address.set(this.#encoder.encode(path), 2);
    for (let tries = 0; tries < START_TRIES_MAX; tries++) {
      if (existsSync(path)) {
        const file = this.#calls.socket(AF_UNIX, SOCK_STREAM, 0);
        if (this.#calls.connect(file, ptr(address), ADDRESS_BYTES) === 0) return file;
        closeSync(file);
      }
      if (this.#process.exitCode !== null) break;
      Bun.sleepSync(START_WAIT_MS);
    }
    this.#process.kill();
    throw new Error(`Cannot reach QEMU: it did not start: ${readFileSync(errors, "utf8")}`);
  }

  /** Sends a line and waits for what it answers behind OK. */
  ask(line: string): string {
    this.asked += 1;
    this.#send(`${line}\n`);
    for (;;) {
      const answer = this.#nextLine(ANSWER_MS);
      if (answer === undefined) throw new Error(`Cannot ask QEMU "${line}": no answer`);
      if (this.#tookLine(answer)) continue;
      if (!answer.startsWith("OK")) throw new Error(`Cannot ask QEMU "${line}": ${answer}`);
      return answer.slice(3);
    }
  }

  /** Takes what interrupt lines have done, waiting so long for the first if there is none. */
  listen(waitMs: number): void {
    let line = this.#nextLine(waitMs);
    while (line !== undefined) {
      this.#tookLine(line);
      line = this.#nextLine(0);
    }
  }

  in(port: number, width: number): number {
    return Number(this.ask(`in${"bwl"[width >> 1]} ${port}`)) >>> 0;
  }

  out(port: number, width: number, value: number): void {
    this.ask(`out${"bwl"[width >> 1]} ${port} ${value >>> 0}`);
  }

  read(address: number, width: number): number {
    return Number(this.ask(`read${"bwl"[width >> 1]} ${address}`)) >>> 0;
  }

  write(address: number, width: number, value: number): void {
    this.ask(`write${"bwl"[width >> 1]} ${address} ${value >>> 0}`);
  }

  /** Writes a PCI function's configuration register, through the ports of every PC. */
  configure(device: number, fn: number, register: number, value: number): void {
    this.out(0xcf8, 4, 0x80000000 + (device << 11) + (fn << 8) + register);
    this.out(0xcfc, 4, value);
  }

  /** Ends QEMU and waits until its images are let go of. */
  async close(): Promise<void> {
    closeSync(this.#file);
    this.#process.kill();
    await this.#process.exited;
  }

  #tookLine(line: string): boolean {
    if (!line.startsWith("IRQ ")) return false;
    const [, what, number] = line.split(" ");
    this.onLine(Number(number), what === "raise");
    return true;
  }

  #send(text: string): void {
    const bytes = this.#encoder.encode(text);
    const sent = Number(this.#calls.write(this.#file, ptr(bytes), bytes.length));
    if (sent !== bytes.length) throw new Error(`Cannot ask QEMU: wrote ${sent} bytes`);
  }

  #nextLine(waitMs: number): string | undefined {
    for (;;) {
      const end = this.#rest.indexOf("\n");
      if (end >= 0) {
        const line = this.#rest.slice(0, end);
        this.#rest = this.#rest.slice(end + 1);
        return line;
      }
      this.#pollSet[0] = this.#file;
      this.#pollSet[1] = POLLIN;
      if (this.#calls.poll(ptr(this.#pollSet), 1, waitMs) <= 0) return undefined;
      const got = Number(this.#calls.read(this.#file, ptr(this.#chunk), CHUNK_BYTES));
      if (got <= 0) throw new Error("Cannot hear QEMU: it ended");
      this.#rest += this.#decoder.decode(this.#chunk.subarray(0, got));
    }
  }
}
