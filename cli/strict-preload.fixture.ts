/** Preloaded before a program: every runtime that it starts is strict. */
import { Runtime } from "../index.ts";

const { start } = Runtime;
Runtime.start = ((options: object) => start({ ...options, strict: true })) as typeof start;
