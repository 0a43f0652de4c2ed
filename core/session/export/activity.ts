/** What an export counts over a session: the values of its counters at the present moment. */
import type { Operation } from "./operation.ts";

export class Activity {
  inFlight = 0;
  readBytes = 0;
  writtenBytes = 0;

  begin(): void {
    this.inFlight++;
  }

  /** @returns whether bytes were moved */
  result(operation: Operation, result: number, last: boolean): boolean {
    if (last) this.inFlight--;
    if (!operation.moves || result <= 0) return false;
    if (operation.action === "read") this.readBytes += result;
    else this.writtenBytes += result;
    return true;
  }
}
