/** As much of JSON Schema (draft 7) as the schema of scenarios uses, for tests of that schema. */

type Node = Readonly<Record<string, unknown>>;

/** Whether a schema accepts a value. Unknown keywords are an error: the test would not see them. */
export function accepts(root: object, value: unknown): boolean {
  return fits(root as Node, root as Node, value);
}

const ANNOTATIONS = new Set(["$schema", "title", "description", "default", "definitions"]);

function fits(root: Node, schema: Node, value: unknown): boolean {
  return Object.entries(schema).every(([keyword, wanted]) => {
    if (ANNOTATIONS.has(keyword)) return true;
    const rule = RULES[keyword];
    if (rule === undefined) throw new Error(`the schema uses the keyword ${keyword}`);
    return rule(value, wanted as never, (part, inner) => fits(root, part, inner), root, schema);
  });
}

type Inner = (schema: Node, value: unknown) => boolean;
type Rule = (value: unknown, wanted: never, inner: Inner, root: Node, schema: Node) => boolean;

const isObject = (value: unknown): value is Node =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const length = (value: unknown): number => (value as { length: number }).length;

function typeOf(value: unknown): string[] {
  if (Array.isArray(value)) return ["array"];
  if (value === null) return ["null"];
  return Number.isInteger(value) ? ["number", "integer"] : [typeof value];
}

const RULES: Readonly<Record<string, Rule>> = {
  $ref: (value, wanted: string, inner, root) =>
    inner((root["definitions"] as Record<string, Node>)[wanted.split("/").at(-1)!]!, value),
  anyOf: (value, wanted: Node[], inner) => wanted.some((schema) => inner(schema, value)),
  const: (value, wanted) => value === wanted,
  enum: (value, wanted: unknown[]) => wanted.includes(value),
  type: (value, wanted: string | string[]) =>
    typeOf(value).some((type) => [wanted].flat().includes(type)),
  minimum: (value, wanted: number) => typeof value !== "number" || value >= wanted,
  maximum: (value, wanted: number) => typeof value !== "number" || value <= wanted,
  multipleOf: (value, wanted: number) => typeof value !== "number" || value % wanted === 0,
  pattern: (value, wanted: string) => typeof value !== "string" || new RegExp(wanted).test(value),
  minLength: (value, wanted: number) => typeof value !== "string" || length(value) >= wanted,
  maxLength: (value, wanted: number) => typeof value !== "string" || length(value) <= wanted,
  minItems: (value, wanted: number) => !Array.isArray(value) || length(value) >= wanted,
  maxItems: (value, wanted: number) => !Array.isArray(value) || length(value) <= wanted,
  items: (value, wanted: Node | Node[], inner) =>
    !Array.isArray(value) ||
    value.every((item, i) => {
      const schema = Array.isArray(wanted) ? wanted[i] : wanted;
      return schema === undefined || inner(schema, item);
    }),
  additionalItems: (value, wanted: boolean, _inner, _root, schema) =>
    wanted || !Array.isArray(value) || value.length <= length(schema["items"]),
  required: (value, wanted: string[]) => !isObject(value) || wanted.every((key) => key in value),
  maxProperties: (value, wanted: number) => !isObject(value) || Object.keys(value).length <= wanted,
  propertyNames: (value, wanted: Node, inner) =>
    !isObject(value) || Object.keys(value).every((key) => inner(wanted, key)),
  properties: (value, wanted: Record<string, Node>, inner) =>
    !isObject(value) ||
    Object.entries(wanted).every(([key, schema]) => !(key in value) || inner(schema, value[key])),
  additionalProperties: (value, wanted: Node | boolean, inner, _root, schema) => {
    if (!isObject(value)) return true;
    const known = Object.keys((schema["properties"] as object | undefined) ?? {});
    const others = Object.keys(value).filter((key) => !known.includes(key));
    return others.every((key) =>
      typeof wanted === "boolean" ? wanted : inner(wanted, value[key]),
    );
  },
};
