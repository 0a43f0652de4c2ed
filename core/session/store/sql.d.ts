/** Migrations are imported as text, so that they are part of a compiled binary. */
declare module "*.sql" {
  const text: string;
  export default text;
}
