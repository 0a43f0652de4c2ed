/** What is told of a ring that the kernel did not let us enter. */
import { ERRNO, ReelError, codeOfResult } from "../../errors.ts";

/** The kernel dropped a completion for want of memory (asm-generic/errno.h). */
const EBADR = 53;

/** Why a ring could not be entered. */
export function enterError(errno: number): ReelError {
  const code = codeOfResult(-errno);
  const what = `Cannot enter the ring: io_uring_enter gave ${code}`;
  if (errno === ERRNO.EEXIST) {
    return new ReelError(code, `${what}: the ring belongs to the thread that opened it`, {
      mend: "Open a backend of its own in each thread",
    });
  }
  if (errno === ERRNO.EAGAIN || errno === ERRNO.EBUSY) {
    return new ReelError(code, `${what}: the kernel lacks memory or room for completions`, {
      mend: "Give the backend a larger completionEntries, or keep fewer requests in flight",
    });
  }
  if (errno === EBADR) {
    return new ReelError(code, `${what}: the kernel dropped completions for want of memory`, {
      mend: "End the run: operations in flight will never complete",
    });
  }
  return new ReelError(code, what);
}
