import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { root } from "./root.mjs";

const intro = `# Configuration

Generated from the settings in \`apps/*/src/config.ts\` by \`node scripts/generate-config-docs.mjs\`: do not edit.

Every setting is an environment variable. A start with a bad configuration lists all problems and ends with code 1.
\`X_FILE\` names a file that holds the value of \`X\`, for every variable of every service but dev-chain (which has no
secrets); of what is marked secret, give the file. A duration is a number with ms, s, m, h or d; a size one with B, KiB,
MiB, GiB or TiB. What has neither a default nor a "yes" under required may be left out.

The migration of the database (\`packages/database/dist/migrate-main.js\`) reads \`DATABASE_URL\` or \`DATABASE_URL_FILE\`,
and nothing else.
`;

/** The text of docs/config.md. Needs the hooks of typescript.mjs. */
export async function configDocs() {
  const sections = [];
  for (const app of appsWithSettings()) sections.push(await section(app));
  if (sections.length === 0) throw new Error("no app has settings: the pattern is wrong");
  return formatted([intro, ...sections].join("\n"));
}

/** As the formatter wants Markdown: it aligns the columns. */
function formatted(markdown) {
  const biome = join(root, "node_modules", ".bin", "biome");
  const args = ["format", "--stdin-file-path=docs/config.md"];
  return execFileSync(biome, args, { cwd: root, input: markdown, encoding: "utf8" });
}

const configOf = (app) => join(root, "apps", app, "src", "config.ts");
const appsWithSettings = () =>
  readdirSync(join(root, "apps"))
    .filter((app) => existsSync(configOf(app)))
    .sort();

async function section(app) {
  const exported = Object.values(await import(pathToFileURL(configOf(app)).href));
  const schemas = exported.filter((value) => value?.def?.type === "object");
  if (schemas.length !== 1)
    throw new Error(`apps/${app}/src/config.ts must export one zod object, not ${schemas.length}`);
  const rows = Object.entries(schemas[0].shape).map(([name, schema]) => row(app, name, schema));
  const { description } = JSON.parse(readFileSync(join(root, "apps", app, "package.json"), "utf8"));
  const head = ["| variable | meaning | default | required | secret |", "|---|---|---|---|---|"];
  return [`## ${app}`, "", `${description}.`, "", ...head, ...rows, ""].join("\n");
}

function row(app, name, schema) {
  const layers = layersOf(schema);
  if (schema.description === undefined) throw new Error(`apps/${app}/src/config.ts: ${name} has no description`);
  const kind = layers.map(({ description }) => description?.match(/^(duration|size)\b/)?.[1]).find(Boolean);
  const isRequired = !schema.safeParse(undefined).success;
  const isSecret = layers.some((layer) => layer.meta()?.secret === true);
  const cells = [
    `\`${name}\``,
    meaning(schema, layers, kind),
    defaultText(layers, kind),
    isRequired ? "yes" : "",
    isSecret ? "yes" : "",
  ];
  return `| ${cells.map((cell) => cell.replace(/[|<]/g, "\\$&")).join(" | ")} |`;
}

/** A schema, what it wraps, what that wraps … */
function layersOf(schema) {
  const inner = schema.def.innerType ?? schema.def.in;
  return inner === undefined ? [schema] : [schema, ...layersOf(inner)];
}

function meaning(schema, layers, kind) {
  const choice = layers.find(({ def }) => def.type === "enum");
  const notes = [kind, choice && Object.values(choice.def.entries).join(", ")].filter(Boolean);
  return notes.length === 0 ? schema.description : `${schema.description} (${notes.join("; ")})`;
}

function defaultText(layers, kind) {
  const given = layers.map((layer) => layer.meta()?.defaultText).find(Boolean);
  if (given !== undefined) return given;
  const layer = layers.find(({ def }) => "defaultValue" in def);
  if (layer === undefined) return "";
  const value = layer.def.defaultValue;
  if (value === "" || value?.size === 0 || value?.length === 0) return "none";
  return `\`${kind === undefined ? value : withUnit(value, units[kind])}\``;
}

const units = {
  duration: { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1000, ms: 1 },
  size: { TiB: 1024 ** 4, GiB: 1024 ** 3, MiB: 1024 ** 2, KiB: 1024, B: 1 },
};

/** In the largest unit in which it is a whole number: 600000 → 10m. Text has its unit, or counts bytes. */
function withUnit(value, scale) {
  const amount = typeof value === "number" ? value : Number(/^(\d+)B$/.exec(value)?.[1]);
  if (Number.isNaN(amount)) return value;
  const [unit, factor] = Object.entries(scale).find(([, size]) => amount >= size && amount % size === 0) ?? [];
  return unit === undefined ? `${amount}` : `${amount / factor}${unit}`;
}
