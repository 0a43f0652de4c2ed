/**
 * Loaded before every test file (bunfig.toml): how long a test may take. Bun has no setting for it in
 * bunfig.toml, and its default of five seconds is too short for a loaded machine with two cores.
 */
import { setDefaultTimeout } from "bun:test";

const TEST_MS_MAX = 20_000;

setDefaultTimeout(TEST_MS_MAX);
