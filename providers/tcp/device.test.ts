/** The network device by its registers alone, on a machine that knows nothing of ioreel. */
import { describe, expect, test } from "bun:test";
import { Random } from "../../core/random.ts";
import { BareMachine } from "./bare-machine.fixture.ts";
import { FRAME_FROM, FRAME_TO, SCOPE_NETWORK, addressOf, write32 } from "./network/frame.ts";
import * as reg from "./registers.ts";

const TRANSMIT_RING = 0x1000;
const RECEIVE_RING = 0x2000;
const TRANSMIT_BUFFERS = 0x4000;
const RECEIVE_BUFFERS = 0x8000;
const BUFFER_BYTES = 512;
const COUNT = 8;

/** A machine whose rings are set up, with hosts 1 and 2 on the network. */
function started(mask = reg.CAUSE_RECEIVED | reg.CAUSE_TIMER | reg.CAUSE_MISSED): BareMachine {
  const machine = new BareMachine();
  const { device, words } = machine;
  device.wire.hosts.numberOf("second");
  for (let i = 0; i < COUNT; i++) {
    const transmit = (TRANSMIT_RING + i * reg.DESCRIPTOR_BYTES) >> 2;
    const receive = (RECEIVE_RING + i * reg.DESCRIPTOR_BYTES) >> 2;
    words[transmit] = TRANSMIT_BUFFERS + i * BUFFER_BYTES;
    words[receive] = RECEIVE_BUFFERS + i * BUFFER_BYTES;
    words[receive + 2] = BUFFER_BYTES;
  }
  device.writeRegister(reg.REG_TRANSMIT_BASE, TRANSMIT_RING);
  device.writeRegister(reg.REG_TRANSMIT_COUNT, COUNT);
  device.writeRegister(reg.REG_RECEIVE_BASE, RECEIVE_RING);
  device.writeRegister(reg.REG_RECEIVE_COUNT, COUNT);
  device.writeRegister(reg.REG_RECEIVE_TAIL, COUNT - 1);
  device.writeRegister(reg.REG_MASK_SET, mask);
  device.writeRegister(reg.REG_CONTROL, reg.CONTROL_TRANSMIT | reg.CONTROL_RECEIVE);
  return machine;
}

/** Writes a frame from host 1 to host 2 into a transmit descriptor. */
function putFrame(machine: BareMachine, place: number, length: number, fill: number): void {
  const at = TRANSMIT_BUFFERS + place * BUFFER_BYTES;
  machine.memory.fill(fill, at, at + length);
  write32(machine.memory, at + FRAME_TO, addressOf(2, SCOPE_NETWORK, 0));
  write32(machine.memory, at + FRAME_FROM, addressOf(1, SCOPE_NETWORK, 0));
  machine.words[((TRANSMIT_RING + place * reg.DESCRIPTOR_BYTES) >> 2) + 2] = length;
  machine.words[((TRANSMIT_RING + place * reg.DESCRIPTOR_BYTES) >> 2) + 3] = 0;
}

const statusOf = ({ words }: BareMachine, ring: number, place: number): number =>
  words[((ring + place * reg.DESCRIPTOR_BYTES) >> 2) + 3]!;
const lengthOf = ({ words }: BareMachine, ring: number, place: number): number =>
  words[((ring + place * reg.DESCRIPTOR_BYTES) >> 2) + 2]!;

describe("NetworkDevice", () => {
  test("moves frames from memory to memory and marks both descriptors done", () => {
    const machine = started();
    putFrame(machine, 0, 60, 0x11);
    putFrame(machine, 1, 300, 0x22);
    machine.device.writeRegister(reg.REG_TRANSMIT_TAIL, 2);
    // The write starts work; the device does it later.
    expect(statusOf(machine, TRANSMIT_RING, 0)).toBe(0);
    machine.run();
    for (const place of [0, 1]) {
      const sent = TRANSMIT_BUFFERS + place * BUFFER_BYTES;
      const got = RECEIVE_BUFFERS + place * BUFFER_BYTES;
      const length = [60, 300][place]!;
      expect(statusOf(machine, TRANSMIT_RING, place)).toBe(reg.DESCRIPTOR_DONE);
      expect(statusOf(machine, RECEIVE_RING, place)).toBe(reg.DESCRIPTOR_DONE);
      expect(lengthOf(machine, RECEIVE_RING, place)).toBe(length);
      expect(machine.memory.slice(got, got + length)).toEqual(
        machine.memory.slice(sent, sent + length),
      );
    }
    const { device } = machine;
    expect(device.readRegister(reg.REG_TRANSMIT_HEAD)).toBe(2);
    expect(device.readRegister(reg.REG_RECEIVE_HEAD)).toBe(2);
    expect(device.readRegister(reg.REG_FRAMES_SENT)).toBe(2);
    expect(device.readRegister(reg.REG_FRAMES_RECEIVED)).toBe(2);
  });

  test("interrupts once for many frames, until its cause is read", () => {
    const machine = started();
    for (let place = 0; place < 5; place++) putFrame(machine, place, 40, place);
    machine.device.writeRegister(reg.REG_TRANSMIT_TAIL, 5);
    machine.run();
    expect(machine.asserted).toBe(true);
    const cause = machine.device.readRegister(reg.REG_CAUSE);
    expect(cause & reg.CAUSE_RECEIVED).toBe(reg.CAUSE_RECEIVED);
    expect(machine.asserted).toBe(false);
    expect(machine.device.readRegister(reg.REG_CAUSE)).toBe(0);
  });

  test("keeps a masked cause to itself, and shows it when it is let through", () => {
    const machine = started(0);
    putFrame(machine, 0, 40, 1);
    machine.device.writeRegister(reg.REG_TRANSMIT_TAIL, 1);
    machine.run();
    expect(machine.asserted).toBe(false);
    machine.device.writeRegister(reg.REG_MASK_SET, reg.CAUSE_SENT);
    expect(machine.asserted).toBe(true);
    machine.device.writeRegister(reg.REG_MASK_CLEAR, reg.CAUSE_SENT);
    expect(machine.asserted).toBe(false);
    expect(machine.device.readRegister(reg.REG_MASK_SET)).toBe(0);
  });

  test("fires its timer once, at the moment it is set to and not before", () => {
    const machine = started();
    machine.device.writeRegister(reg.REG_COMPARE_LOW, 5_000);
    machine.device.writeRegister(reg.REG_COMPARE_HIGH, 1);
    machine.run(2 ** 32 + 4_999);
    expect(machine.asserted).toBe(false);
    machine.run();
    expect(machine.nowNs).toBe(2 ** 32 + 5_000);
    expect(machine.device.readRegister(reg.REG_CAUSE)).toBe(reg.CAUSE_TIMER);
    machine.device.writeRegister(reg.REG_COMPARE_HIGH, 2);
    machine.device.writeRegister(reg.REG_DISARM, 1);
    expect(machine.run()).toBe(0);
  });

  test("holds frames back while no receive descriptor is free, then drops and counts them", () => {
    const machine = started();
    const { device } = machine;
    for (let round = 0; round < 100; round++) {
      for (let place = 0; place < COUNT - 1; place++) putFrame(machine, place, 40, round);
      for (let sent = 0; sent < COUNT - 1; sent++) {
        const tail = (device.readRegister(reg.REG_TRANSMIT_TAIL) + 1) % COUNT;
        putFrame(machine, (tail + COUNT - 1) % COUNT, 40, round);
        device.writeRegister(reg.REG_TRANSMIT_TAIL, tail);
        machine.run();
      }
    }
    // Seven descriptors were free, and the device itself holds 512.
    expect(device.readRegister(reg.REG_FRAMES_RECEIVED)).toBe(7);
    expect(device.readRegister(reg.REG_FRAMES_MISSED)).toBe(700 - 7 - 512);
    expect(device.readRegister(reg.REG_CAUSE) & reg.CAUSE_MISSED).toBe(reg.CAUSE_MISSED);
    device.writeRegister(reg.REG_RECEIVE_TAIL, 3);
    machine.run();
    expect(device.readRegister(reg.REG_FRAMES_RECEIVED)).toBe(7 + 4);
  });

  test("reset() forgets rings, causes, timer and what it held, and leaves the wire alone", () => {
    const machine = started();
    const { device } = machine;
    putFrame(machine, 0, 40, 1);
    device.writeRegister(reg.REG_TRANSMIT_TAIL, 1);
    device.writeRegister(reg.REG_COMPARE_HIGH, 1);
    machine.run(2_000);
    device.writeRegister(reg.REG_CONTROL, reg.CONTROL_RESET);
    expect([...device.registers].every((word) => word === 0)).toBe(true);
    expect(machine.asserted).toBe(false);
    // The frame arrives at a device that does not run: it is dropped, and its slot is free.
    expect(machine.run()).toBe(1);
    expect(device.wire.store.capture().free.flat().length).toBe(device.wire.store.count);
  });

  test("counts descriptors that name no memory or no frame, and goes on with the next", () => {
    const machine = started();
    const bad = [
      { word: 0, value: 0x10000 - 10 },
      { word: 1, value: 1 },
      { word: 2, value: 19 },
      { word: 2, value: reg.FRAME_BYTES_MAX + 1 },
    ];
    for (const [place, { word, value }] of bad.entries()) {
      putFrame(machine, place, 40, place);
      machine.words[((TRANSMIT_RING + place * reg.DESCRIPTOR_BYTES) >> 2) + word] = value;
    }
    putFrame(machine, bad.length, 40, 9);
    machine.device.writeRegister(reg.REG_TRANSMIT_TAIL, bad.length + 1);
    machine.run();
    for (let place = 0; place < bad.length; place++) {
      const both = reg.DESCRIPTOR_DONE | reg.DESCRIPTOR_ERROR;
      expect(statusOf(machine, TRANSMIT_RING, place)).toBe(both);
    }
    expect(machine.device.readRegister(reg.REG_BAD_DESCRIPTORS)).toBe(bad.length);
    expect(machine.device.readRegister(reg.REG_FRAMES_RECEIVED)).toBe(1);
  });

  test("takes any writes to its registers and memory: no error, no access outside, an end", () => {
    const random = new Random(82540);
    const odd = [0, 1, 2, 15, 16, 0xfff0, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xffffffff];
    const number = (): number =>
      random.chance(0.5) ? odd[random.below(odd.length)]! : random.uint32();
    for (let run = 0; run < 200; run++) {
      const machine = started();
      for (let step = 0; step < 60; step++) {
        const offset = random.chance(0.9) ? random.below(0x80) & ~3 : random.uint32();
        if (random.chance(0.4)) machine.device.readRegister(offset);
        else if (random.chance(0.8)) machine.device.writeRegister(offset, number());
        else machine.words[random.below(machine.words.length)] = number();
        if (random.chance(0.3)) machine.run(machine.nowNs + random.below(1e6));
      }
      machine.device.writeRegister(reg.REG_CONTROL, reg.CONTROL_RESET);
      machine.run();
      expect(machine.memory.length).toBe(1 << 16);
      const { store } = machine.device.wire;
      expect(store.capture().free.flat().length).toBe(store.count);
    }
  });
});
