/** What is wrong with a file that is to be imported: the file, the place in it, what was found. */
import { ReelError } from "../../core/errors.ts";

/**
 * Raises the error for a file that cannot be imported.
 * @param place such as `line 7`; empty for the whole
 */
export function refuseImport(path: string, place: string, found: string, mend: string): never {
  const at = place === "" ? "" : `${place}: `;
  throw new ReelError("ERR_USAGE", `Cannot import ${path}: ${at}${found}`, {
    mend,
    details: { path, place },
  });
}
