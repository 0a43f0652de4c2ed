/** The providers that come with ioreel. */
import { ata } from "./ata/provider.ts";
import { fdd } from "./fdd/provider.ts";
import { pipe } from "./pipe/provider.ts";
import { sata } from "./sata/provider.ts";
import { tcp } from "./tcp/provider.ts";
import { timer } from "./timer/provider.ts";

export const BUILT_IN_PROVIDERS = [ata, fdd, pipe, sata, tcp, timer] as const;
export type BuiltInProvider = (typeof BUILT_IN_PROVIDERS)[number];
