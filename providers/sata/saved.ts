/**
 * The HBA's state as bytes: its registers, its ports with what is under way on them, and the drives
 * in them. The drives themselves must be in their ports before a state is put back.
 */
import type { Plan } from "../disk/drive/drive.ts";
import type { PciFunction } from "../disk/pci.ts";
import { decodeState, encodeState, type StateFields, type StateValue } from "../disk/state.ts";
import type { Port } from "./port.ts";
import { PortState } from "./port-state.ts";
import { PrdCursor } from "./dma.ts";
import { SLOTS } from "./registers.ts";

const STATE_VERSION = 1;

/** What the HBA itself remembers. */
export interface OwnState {
  readonly ghc: number;
  readonly is: number;
  readonly level: boolean;
  readonly startled: boolean;
}

interface SlotState extends StateFields {
  slot: number;
  plan: StateFields;
  cursor: StateFields;
}

interface PortFields extends StateFields {
  registers: StateFields;
  slots: SlotState[];
  hasDrive: boolean;
  drive: Uint8Array;
}

const plainOf = (value: object): StateFields => ({ ...value }) as StateFields;

/** Bytes know no infinity: "for ever" is the largest number there. */
const bounded = (plan: StateFields): StateFields =>
  mapped(plan, (value) => (value === Infinity ? Number.MAX_VALUE : value));
const unbounded = (plan: StateFields): StateFields =>
  mapped(plan, (value) => (value === Number.MAX_VALUE ? Infinity : value));

function mapped(plan: StateFields, change: (value: StateValue) => StateValue): StateFields {
  return Object.fromEntries(Object.entries(plan).map(([name, value]) => [name, change(value)]));
}

/** Slots whose plans are under way: nothing else of a plan survives its command. */
function liveSlots(port: Port): SlotState[] {
  const { current, queued } = port.state;
  const live: SlotState[] = [];
  for (let slot = 0; slot < SLOTS; slot++) {
    if (slot !== current && (queued & (1 << slot)) === 0) continue;
    const { plan, cursor } = port.engine.slots[slot]!;
    live.push({ slot, plan: bounded(plainOf(plan)), cursor: plainOf(cursor) });
  }
  return live;
}

function portFields(port: Port): PortFields {
  return {
    registers: plainOf(port.state),
    slots: liveSlots(port),
    hasDrive: port.drive !== undefined,
    drive: (port.drive ?? port.pulled)?.snapshot() ?? new Uint8Array(0),
  };
}

export function saveHba(
  name: string,
  ports: readonly Port[],
  pci: PciFunction,
  own: OwnState,
): Uint8Array {
  const fields = { own: { ...own }, pci: pci.capture(), ports: ports.map(portFields) };
  return encodeState(`${name}.hba`, STATE_VERSION, fields);
}

/**
 * Puts a state back, after all of it was looked at.
 * @throws {RangeError} when it is not of such an HBA; nothing has changed then
 */
export function restoreHba(
  name: string,
  ports: readonly Port[],
  pci: PciFunction,
  bytes: Uint8Array,
  own: OwnState,
): OwnState {
  const refuse = (what: string): never => {
    throw new RangeError(`Cannot restore ${name}.hba: found ${what}`);
  };
  const planLike = ports.find(({ engine }) => engine.slots.length > 0)?.engine.slots[0]?.plan;
  const slotLike: StateValue = {
    slot: 0,
    plan: planLike === undefined ? {} : plainOf(planLike),
    cursor: plainOf(new PrdCursor()),
  };
  const like = {
    own: { ...own },
    pci: new Uint8Array(0),
    ports: [
      {
        registers: plainOf(new PortState()),
        slots: [slotLike],
        hasDrive: false,
        drive: new Uint8Array(0),
      },
    ],
  };
  const found = decodeState(`${name}.hba`, STATE_VERSION, bytes, like as unknown as StateFields);
  const fields = found as unknown as { own: OwnState; pci: Uint8Array; ports: PortFields[] };
  if (fields.ports.length !== ports.length) refuse(`${fields.ports.length} ports`);
  if (!pci.accepts(fields.pci)) refuse("another PCI function");
  for (const [i, port] of ports.entries()) {
    const saved = fields.ports[i]!;
    if (saved.hasDrive !== (port.drive !== undefined)) refuse(`another drive in port ${i}`);
    if (!isSound(saved)) refuse(`bad commands on port ${i}`);
  }
  restoreDrives(ports, fields.ports);
  pci.apply(fields.pci);
  for (const [i, port] of ports.entries()) {
    const saved = fields.ports[i]!;
    Object.assign(port.state, saved.registers);
    for (const { slot, plan, cursor } of saved.slots) {
      Object.assign(port.engine.slots[slot]!.plan, unbounded(plan));
      Object.assign(port.engine.slots[slot]!.cursor, cursor);
    }
  }
  return fields.own;
}

/** All drives, or none: one that refuses has those before it put back. */
function restoreDrives(ports: readonly Port[], saved: readonly PortFields[]): void {
  const before = ports.map(({ drive, pulled }) => (drive ?? pulled)?.snapshot());
  try {
    for (const [i, port] of ports.entries()) {
      (port.drive ?? port.pulled)?.restore(saved[i]!.drive);
    }
  } catch (error) {
    for (const [i, port] of ports.entries()) {
      if (before[i] !== undefined) (port.drive ?? port.pulled)?.restore(before[i]);
    }
    throw error;
  }
}

/** Numbers are whole, and the slots are those that the registers speak of. */
function isSound(saved: PortFields): boolean {
  const { current, queued } = saved.registers as unknown as PortState;
  const whole = Object.values(saved.registers).every((value) => Number.isSafeInteger(value));
  if (!whole || !(current >= -1 && current < SLOTS)) return false;
  const wanted = new Set<number>();
  for (let slot = 0; slot < SLOTS; slot++) {
    if (slot === current || (queued & (1 << slot)) !== 0) wanted.add(slot);
  }
  if (!saved.hasDrive && wanted.size > 0) return false;
  return (
    saved.slots.length === wanted.size &&
    saved.slots.every(({ slot, plan }) => {
      const { movedBytes, transferBytes, sectors } = plan as unknown as Plan;
      const numbers = [movedBytes, transferBytes, sectors];
      return (
        wanted.has(slot) && numbers.every((value) => Number.isSafeInteger(value) && value >= 0)
      );
    })
  );
}
