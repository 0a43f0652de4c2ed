/** `ioreel session pack`: one file of a recording. */
import { packRecording } from "../../../core/session/library/pack.ts";
import { json, out } from "../../output.ts";
import { recordingNamed } from "../../recording-name.ts";
import { formatSize } from "../../scenario/units.ts";

export async function pack(
  name: string,
  outFile: string | undefined,
  flags: { json?: boolean },
): Promise<number> {
  const file = recordingNamed(name);
  const { info, path, sizeBytes, sizeBytesBefore } = packRecording(file, outFile);
  const { digest, eventCount, recovered, uuid } = info;
  if (flags.json === true) {
    const sizes = { sizeBytesBefore, sizeBytes };
    const isRecovered = recovered !== undefined;
    json("pack/v1", { file, output: path, uuid, digest, ...sizes, recovered: isRecovered });
    return 0;
  }
  const sizes = `${formatSize(sizeBytes)}, before ${formatSize(sizeBytesBefore)}`;
  out(`${outFile ?? file} holds all ${eventCount} events in one file of ${sizes}`);
  if (recovered !== undefined) out(`${recovered.fromTail} of them were in its tail`);
  return 0;
}
