/**
 * Loaded before the tests (bunfig.toml): whatever they record without naming a file goes into a
 * library of their own, and never into that of whoever runs them. The folder is made when needed.
 */
import { tmpdir } from "node:os";
import { join } from "node:path";

/** The folder that stands in for the user's state. */
export const TEST_HOME = join(tmpdir(), `ioreel-test-home-${process.pid}`);

process.env["IOREEL_HOME"] = TEST_HOME;
