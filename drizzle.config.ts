/**
 * How drizzle-kit generates the migrations of recordings: `bunx --bun drizzle-kit generate`. The
 * result is kept in git and applied by `core/session/store/migrations.ts`.
 */
import { defineConfig } from "drizzle-kit";

export default defineConfig({
  dialect: "sqlite",
  schema: "./core/session/store/schema.ts",
  out: "./core/session/store/migrations",
});
