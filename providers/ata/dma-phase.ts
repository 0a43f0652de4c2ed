/** The data phase of a DMA command, chunk by chunk between the drive, a buffer and memory. */
import { PROTOCOL, type Drive, type Plan } from "../disk/drive/drive.ts";
import type { BusMaster } from "./bus-master.ts";
import { PORT_BYTES, type DataPort } from "./data-port.ts";

/**
 * Moves what the engine and the drive let move of one chunk.
 * @returns whether the data phase is over
 */
export function moveChunk(engine: BusMaster, drive: Drive, plan: Plan, port: DataPort): boolean {
  return plan.protocol === PROTOCOL.DMA_IN
    ? moveIn(engine, drive, plan, port)
    : moveOut(engine, drive, plan, port);
}

const isAllMoved = (plan: Plan): boolean => plan.failed || plan.movedBytes >= plan.transferBytes;

function moveIn(engine: BusMaster, drive: Drive, plan: Plan, port: DataPort): boolean {
  if (port.at === port.end) {
    if (isAllMoved(plan)) return true;
    port.open(drive.produce(plan, port.bytes, 0, PORT_BYTES));
  }
  port.at += engine.move(port.bytes, port.at, port.end - port.at, true);
  return port.at === port.end && isAllMoved(plan);
}

/** The drive takes a chunk once it is whole: what a short table brought waits in the buffer. */
function moveOut(engine: BusMaster, drive: Drive, plan: Plan, port: DataPort): boolean {
  const wanted = Math.min(PORT_BYTES, plan.transferBytes - plan.movedBytes);
  port.end += engine.move(port.bytes, port.end, wanted - port.end, false);
  if (port.end < wanted) return false;
  const taken = drive.consume(plan, port.bytes, 0, wanted);
  port.close();
  return taken < wanted || plan.movedBytes >= plan.transferBytes;
}
