/** Opens io_uring for a subject, and tells a machine that has none from a mistake. */
import type { UringOptions } from "../../core/backend/uring/options.ts";
import { UringBackend } from "../../core/backend/uring/uring-backend.ts";
import { ReelError, isReelError } from "../../core/errors.ts";

/**
 * @param slots requests in flight at once
 * @param options what else to choose
 * @throws {ReelError} ERR_BACKEND_UNAVAILABLE
 */
export function openUring(slots: number, options: UringOptions = {}): UringBackend {
  try {
    return UringBackend.openBlocking({ ...options, slots });
  } catch (error) {
    if (!isReelError(error)) throw error;
    const { message, mend } = error;
    throw new ReelError("ERR_BACKEND_UNAVAILABLE", message, {
      cause: error,
      ...(mend === undefined ? {} : { mend }),
    });
  }
}
