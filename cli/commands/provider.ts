/** `ioreel provider ls` and `info`: what can be opened, from the definitions themselves. */
import { ReelError } from "../../core/errors.ts";
import type { Provider } from "../../core/provider/define.ts";
import { BUILT_IN_PROVIDERS } from "../../providers/index.ts";
import { columns, json, out, paint } from "../output.ts";
import { nearest } from "../../core/suggest.ts";

const providers: readonly Provider[] = BUILT_IN_PROVIDERS;

function backendsOf(provider: Provider): string[] {
  return (["emulated", "uring"] as const).filter((backend) => provider[backend] !== undefined);
}

function describe(provider: Provider) {
  const { kind, version, stateVersion, summary, ends, operations, capabilities } = provider;
  return {
    kind,
    version,
    stateVersion,
    summary,
    backends: backendsOf(provider),
    options: provider.options.properties,
    ends,
    operations,
    capabilities,
    resourcesMax: provider.resourcesMax ?? 1024,
  };
}

export async function ls(flags: { json?: boolean }): Promise<number> {
  if (flags.json === true) {
    json("provider.list/v1", { providers: providers.map(describe) });
    return 0;
  }
  const rows = providers.map((provider) => [
    paint("bold", provider.kind),
    provider.version,
    backendsOf(provider).join(", "),
    provider.summary,
  ]);
  out(columns([["kind", "version", "backends", ""], ...rows]));
  return 0;
}

export async function info(kind: string, flags: { json?: boolean }): Promise<number> {
  const provider = providers.find((each) => each.kind === kind);
  if (provider === undefined) {
    const kinds = providers.map((each) => each.kind);
    const meant = nearest(kind, kinds);
    throw new ReelError("ERR_USAGE", `Cannot show provider "${kind}": there is none of that kind`, {
      mend: meant === undefined ? `Use one of: ${kinds.join(", ")}` : `Did you mean "${meant}"?`,
    });
  }
  if (flags.json === true) json("provider/v1", describe(provider));
  else out(page(provider));
  return 0;
}

function page(provider: Provider): string {
  const { capabilities, ends, kind, operations, options } = provider;
  const { stateVersion, summary, version } = provider;
  const heading = (text: string): string => `\n${paint("bold", text)}`;
  const optionRows = Object.entries(options.properties).map(([name, schema]) => [
    `  ${name}`,
    rangeOf(schema as Readonly<Record<string, unknown>>),
    String(schema["description"] ?? ""),
  ]);
  const lines = [
    `${paint("bold", kind)} ${version}: ${summary}`,
    `backends ${backendsOf(provider).join(", ")}; state version ${stateVersion}`,
    heading("options"),
    optionRows.length === 0 ? "  none" : columns(optionRows),
    heading("ends"),
    columns(
      Object.entries(ends).map(([name, end]) => [
        `  ${name}`,
        end.operations.join(", "),
        end.summary ?? "",
      ]),
    ),
    heading("operations"),
    columns(
      Object.entries(operations).map(([name, each]) => [`  ${name}`, each.direction, each.summary]),
    ),
    heading("capabilities"),
    columns(Object.entries(capabilities).map(([name, value]) => [`  ${name}`, String(value)])),
  ];
  return lines.join("\n");
}

function rangeOf(schema: Readonly<Record<string, unknown>>): string {
  const { type, minimum, maximum } = schema;
  const range = minimum === undefined ? "" : ` ${String(minimum)}..${String(maximum ?? "")}`;
  const preset = schema["default"] === undefined ? "" : `, default ${String(schema["default"])}`;
  // A choice has no type of its own, but words.
  const choices = schema["anyOf"] as readonly { const?: unknown }[] | undefined;
  const words = choices?.map((choice) => String(choice.const)).join(", ");
  return `${words === undefined ? String(type) : `one of ${words}`}${range}${preset}`;
}
