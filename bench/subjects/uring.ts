/** Opens io_uring for a subject, and tells a machine that has none from a mistake. */
import { UringBackend } from "../../core/backend/uring/uring-backend.ts";
import { ReelError, isReelError } from "../../core/errors.ts";

/**
 * @param slots requests in flight at once
 * @throws {ReelError} ERR_BACKEND_UNAVAILABLE
 */
export function openUring(slots: number): UringBackend {
  try {
    return UringBackend.openBlocking({ slots });
  } catch (error) {
    if (!isReelError(error)) throw error;
    const { message, mend } = error;
    throw new ReelError("ERR_BACKEND_UNAVAILABLE", message, {
      cause: error,
      ...(mend === undefined ? {} : { mend }),
    });
  }
}
