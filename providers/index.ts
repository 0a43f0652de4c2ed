/** The providers that come with ioreel. */
import { pipe } from "./pipe/provider.ts";
import { timer } from "./timer/provider.ts";

export const BUILT_IN_PROVIDERS = [pipe, timer] as const;
export type BuiltInProvider = (typeof BUILT_IN_PROVIDERS)[number];
