/** NOPs through the bare io_uring backend. Argument: the batch. */
import { timed, type Subject } from "../subject.ts";
import { ringWork } from "./bare-ring.ts";
import { openUring } from "./uring.ts";

export default function open(argument: string): Subject {
  const batch = Number(argument);
  const backend = openUring(batch);
  return timed(ringWork(backend, batch, () => backend.close()));
}
