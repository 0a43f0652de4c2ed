/**
 * Reads of a file by fio's io_uring engine, with registered file and buffers. Argument: see
 * disk-file.ts. The time is that which fio reports of its reads, without its start.
 */
import { ReelError } from "../../core/errors.ts";
import type { Subject } from "../subject.ts";
import { openReading, removeFile } from "./disk-file.ts";

const NS_PER_SECOND = 1e9;
/** Time that a sample's process runs, in milliseconds. */
const SAMPLE_MS = 400;

export default function open(argument: string): Subject {
  if (Bun.which("fio") === null) {
    throw new ReelError("ERR_BACKEND_UNAVAILABLE", "There is no fio on this machine", {
      mend: "apt-get install -y fio",
    });
  }
  const reading = openReading(argument);
  const { blockBytes, depth, direct, path, random, sizeBytes } = reading;
  const words = [
    "fio",
    "--name=reads",
    `--filename=${path}`,
    `--size=${sizeBytes}`,
    `--bs=${blockBytes}`,
    `--iodepth=${depth}`,
    `--rw=${random ? "randread" : "read"}`,
    `--direct=${direct ? 1 : 0}`,
    "--ioengine=io_uring",
    "--fixedbufs",
    "--registerfiles",
    "--norandommap",
    "--time_based",
    `--runtime=${SAMPLE_MS}ms`,
    "--ramp_time=100ms",
    "--invalidate=0",
    "--readonly",
    "--output-format=json",
  ];
  return {
    batch: 1,
    sample() {
      const { exitCode, stderr, stdout } = Bun.spawnSync(words);
      if (exitCode !== 0) throw new Error(`fio failed: ${stderr.toString()}${stdout.toString()}`);
      const text = stdout.toString();
      const { read } = JSON.parse(text.slice(text.indexOf("{"))).jobs[0];
      return { value: NS_PER_SECOND / read.iops, waited: 0 };
    },
    close: () => removeFile(reading),
  };
}
