/** The providers that come with ioreel. */
import { pipe } from "./pipe/provider.ts";
import { tcp } from "./tcp/provider.ts";
import { timer } from "./timer/provider.ts";

export const BUILT_IN_PROVIDERS = [pipe, tcp, timer] as const;
export type BuiltInProvider = (typeof BUILT_IN_PROVIDERS)[number];
