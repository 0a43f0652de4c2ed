/** Options that the hard disks have in common: what they are on, and how their models behave. */
import { t } from "../../core/provider/index.ts";
import { ELEVATOR_NAMES, type ElevatorName } from "./queue/elevator.ts";
import { TIMING_NAMES } from "./timing.ts";

const MEBIBYTE = 1 << 20;

/** Where the sectors are. */
export const imageOptions = {
  image: t.String({
    description: "Path of the image file or block device; empty for a disk in memory",
    maxLength: 4095,
    default: "",
  }),
  sizeBytes: t.Integer({
    description: "Size of a disk in memory, whole sectors",
    minimum: 512,
    maximum: 2 ** 48,
    multipleOf: 512,
    default: 16 * MEBIBYTE,
  }),
  readOnly: t.Boolean({ description: "Refuse writes", default: false }),
  exclusive: t.Boolean({
    description: "Lock the image against other programs (io_uring)",
    default: false,
  }),
  writeBack: t.Boolean({
    description: "Written sectors reach the image at flush and close (emulated)",
    default: true,
  }),
  direct: t.Boolean({
    description: "Go around the page cache where alignment allows (io_uring)",
    default: false,
  }),
};

/** How the emulated disk takes its time, and what goes wrong with it. */
export const modelOptions = {
  timing: t.Union(
    TIMING_NAMES.map((name) => t.Literal(name)),
    { description: "How long the disk takes (emulated)", default: "instant" },
  ),
  faults: t.Array(t.String({ maxLength: 200 }), {
    description: 'What goes wrong, as in "unreadable lba=5 when=3..9+2" (emulated)',
    maxItems: 64,
    default: [],
  }),
};

/** Which of the requests that wait goes next. @param name the default */
export const elevatorOption = (name: ElevatorName) =>
  t.Union(
    ELEVATOR_NAMES.map((each) => t.Literal(each)),
    {
      description:
        "Which request goes next: the first, or by address, or by address and age (emulated)",
      default: name,
    },
  );
