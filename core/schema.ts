/**
 * The schema language of options and scenarios: TypeBox, through this one door, so that a schema is
 * a TypeScript type, a JSON Schema for editors and a validator at once, and so that the next major
 * version of TypeBox touches one file.
 */
export { Type as t, type Static, type TObject, type TSchema } from "@sinclair/typebox";
export { Value } from "@sinclair/typebox/value";
