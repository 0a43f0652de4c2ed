/**
 * What a word means that names a recording of the library: `latest`, or the beginning of its uuid
 * or of its file's name.
 */
import { isReelError } from "../../errors.ts";
import { RecordingReader } from "../store/reader.ts";
import { libraryFiles, SHORT_ID_DIGITS } from "./folder.ts";
import type { LibraryFile } from "./folder.ts";

export const LATEST = "latest";
/** A shorter beginning is more likely a slip than a name. */
export const PREFIX_MIN = 4;

/** The uuid of a recording, without anything else of it. @returns undefined for a damaged one */
export function uuidOf(path: string): string | undefined {
  let reader: RecordingReader | undefined;
  try {
    reader = new RecordingReader(path);
    return reader.header().row.uuid;
  } catch (error) {
    if (isReelError(error)) return undefined;
    throw error;
  } finally {
    reader?.close();
  }
}

/**
 * Finds what a word names in the library.
 * @param word `latest`, or a beginning of at least four characters
 * @returns all that it may mean, the oldest first: one, if it is clear
 * @throws {ReelError} ERR_STORE when the library cannot be read
 */
export function findInLibrary(word: string): LibraryFile[] {
  const files = libraryFiles();
  if (word === LATEST) return files.slice(-1);
  if (word.length < PREFIX_MIN) return [];
  const exact = files.filter(({ name }) => name === word || name === `${word}.reel`);
  if (exact.length > 0) return exact;
  return files.filter((file) => file.name.startsWith(word) || hasUuid(file, word.toLowerCase()));
}

function hasUuid({ path, shortId }: LibraryFile, prefix: string): boolean {
  if (!/^[0-9a-f-]+$/.test(prefix)) return false;
  if (shortId !== undefined) {
    if (prefix.length <= SHORT_ID_DIGITS) return shortId.startsWith(prefix);
    if (!prefix.startsWith(shortId)) return false;
  }
  return uuidOf(path)?.startsWith(prefix) === true;
}
