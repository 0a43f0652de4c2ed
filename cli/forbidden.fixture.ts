/** The command line in a process that may not use io_uring: what containers do to it. */
import { forbidSetup } from "../core/backend/uring/seccomp.fixture.ts";
import { runCommandLine } from "./command-line.ts";

export const FORBIDDEN_CLI = import.meta.path;

if (import.meta.main) {
  const [errno, ...words] = process.argv.slice(2);
  forbidSetup(Number(errno));
  process.exit(await runCommandLine(words));
}
