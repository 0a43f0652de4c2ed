/**
 * What scenarios need to know of providers: the options they take and the ends they have. Provider
 * definitions are of this form; nothing else of them is used before a scenario is found sound.
 */
import type { TSchema } from "../../core/schema.ts";

export interface KindDescription {
  readonly kind: string;
  readonly options: TSchema;
  /** What the provider as a whole can be started with. */
  readonly settings?: TSchema | undefined;
  readonly operations: Readonly<Record<string, { readonly direction: "read" | "write" | "none" }>>;
  readonly ends: Readonly<Record<string, { readonly operations: readonly string[] }>>;
}

/** Descriptions by kind. */
export type Kinds = ReadonlyMap<string, KindDescription>;

/** Describes providers. */
export function kindsOf(providers: readonly KindDescription[]): Kinds {
  return new Map(providers.map((provider) => [provider.kind, provider]));
}

/** The ends of a kind on which an operation of this name can be started. */
export function endsWith(kind: KindDescription, operation: string): string[] {
  return Object.entries(kind.ends)
    .filter(([, end]) => end.operations.includes(operation))
    .map(([name]) => name);
}
