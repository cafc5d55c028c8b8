// Writes a new migration: the difference between the last migration's schema (kept beside it) and the schema as it is.
// Usage: DATABASE_URL=… pnpm --filter @granary/database migration:write NAME
// (the engine connects to a Postgres to learn its version; it changes nothing there)
//
// Prisma's own `migrate dev` needs an engine binary from outside the registry; the same engine comes as WASM.
import fs from "node:fs";
import path from "node:path";
import { PrismaPg } from "@prisma/adapter-pg";
import { bindMigrationAwareSqlAdapterFactory } from "@prisma/driver-adapter-utils";

const root = path.resolve(import.meta.dirname, "..");
const schemaDir = path.join(root, "prisma/schema");
const migrationsDir = path.join(root, "prisma/migrations");
const name = process.argv[2];
if (!/^[a-z0-9_]+$/.test(name ?? "") || process.env.DATABASE_URL === undefined) {
  console.error("usage: DATABASE_URL=… migration:write NAME (lowercase, digits, underscores)");
  process.exit(2);
}

const readSchema = (dir) =>
  fs
    .readdirSync(dir)
    .filter((file) => file.endsWith(".prisma"))
    .sort()
    .map((file) => ({ path: path.join(schemaDir, file), content: fs.readFileSync(path.join(dir, file), "utf8") }));

const engineDir = path.join(root, "node_modules/@prisma/schema-engine-wasm");
const bindings = await import(path.join(engineDir, "schema_engine_bg.js"));
globalThis.PRISMA_WASM_PANIC_REGISTRY = {
  message: "",
  set_message(message) {
    this.message = message;
  },
};
const module = new WebAssembly.Module(fs.readFileSync(path.join(engineDir, "schema_engine_bg.wasm")));
const instance = new WebAssembly.Instance(module, { "./schema_engine_bg.js": bindings });
bindings.__wbg_set_wasm(instance.exports);
instance.exports.__wbindgen_start();

const schema = readSchema(schemaDir);
const snapshot = path.join(migrationsDir, "schema-of-last-migration");
const engine = await bindings.SchemaEngine.new(
  { datamodels: schema.map(({ path: file, content }) => [file, content]) },
  () => {},
  bindMigrationAwareSqlAdapterFactory(new PrismaPg({ connectionString: process.env.DATABASE_URL })),
);
const previous = fs.existsSync(snapshot) ? readSchema(snapshot) : [];
const { stdout } = await engine.diff({
  from: previous.length === 0 ? { tag: "empty" } : { tag: "schemaDatamodel", files: previous },
  to: { tag: "schemaDatamodel", files: schema },
  script: true,
  exitCode: null,
  filters: { externalTables: [], externalEnums: [] },
});
if (/empty migration/.test(stdout)) {
  console.log("nothing to migrate");
  process.exit(0);
}
const stamp = new Date().toISOString().replace(/\D/g, "").slice(0, 14);
const dir = path.join(migrationsDir, `${stamp}_${name}`);
fs.mkdirSync(dir, { recursive: true });
fs.writeFileSync(path.join(dir, "migration.sql"), stdout);
fs.rmSync(snapshot, { recursive: true, force: true });
fs.cpSync(schemaDir, snapshot, { recursive: true });
fs.writeFileSync(path.join(migrationsDir, "migration_lock.toml"), 'provider = "postgresql"\n');
console.log(path.relative(process.cwd(), dir));
process.exit(0);
