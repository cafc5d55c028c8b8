import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { root } from "./root.mjs";

const contracts = join(root, "packages", "contracts");
const protobuf = createRequire(join(contracts, "package.json"))("protobufjs");

/** Each generated file, by its path, with what must be in it. Needs the hooks of typescript.mjs. */
export async function contractFiles() {
  const { asyncApiDocument } = await import(join(contracts, "src", "document", "asyncapi.ts"));
  const { events, requests } = await import(join(contracts, "src", "index.ts"));
  const summaries = contractSummaries();
  const asyncapi = asyncApiDocument((name) => summaries.get(name) ?? "");
  const protos = loadProtos();
  const openapi = await openApi();
  return new Map([
    ["packages/contracts/generated/asyncapi.json", json(asyncapi)],
    ["packages/contracts/generated/granary.v1.json", json(protos.toJSON())],
    ["packages/contracts/generated/openapi.json", json(openapi)],
    ["docs/contracts.md", formatted(markdown({ events, requests, asyncapi, summaries, protos, openapi }))],
  ]);
}

const json = (value) => `${JSON.stringify(value, null, 2)}\n`;

async function openApi() {
  const { openApiDocument } = await import(join(root, "apps", "ingest-gateway", "src", "openapi", "index.ts"));
  return openApiDocument();
}

/** The doc comment above `export const name = event({` says what the contract is for. */
function contractSummaries() {
  const found = new Map();
  const folder = join(contracts, "src");
  for (const file of readdirSync(folder).filter((name) => name.endsWith(".ts"))) {
    const text = readFileSync(join(folder, file), "utf8");
    for (const [, comment, name] of text.matchAll(
      /(?:\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\n)?export const (\w+) = (?:event|request)\(/g,
    )) {
      const summary = (comment ?? "")
        .replace(/^\s*\* ?/gm, "")
        .replace(/\s+/g, " ")
        .trim();
      found.set(name, summary);
    }
  }
  if (found.size === 0) throw new Error("no contracts were found: the pattern is wrong");
  return found;
}

/** The protos with their comments. */
function loadProtos() {
  const made = new protobuf.Root();
  const folder = join(contracts, "proto");
  made.resolvePath = (_origin, target) => join(folder, target);
  const files = readdirSync(join(folder, "granary", "v1"))
    .sort()
    .map((name) => `granary/v1/${name}`);
  // One after the other: the order of what is generated must not hang on which file is read first.
  made.loadSync(files, { keepCase: true, alternateCommentMode: true });
  return made.resolveAll();
}

/** As the formatter wants Markdown: it aligns the columns. */
function formatted(text) {
  const biome = join(root, "node_modules", ".bin", "biome");
  const args = ["format", "--stdin-file-path=docs/contracts.md"];
  return execFileSync(biome, args, { cwd: root, input: text, encoding: "utf8" });
}

const cell = (text) => String(text).replace(/\|/g, "\\|");
const rowOf = (cells) => `| ${cells.map(cell).join(" | ")} |`;
const table = (head, rows) => [rowOf(head), `|${head.map(() => "---").join("|")}|`, ...rows.map(rowOf)].join("\n");

/** fid, sizeBytes, placement? … */
function fieldsOf(schema) {
  const alternatives = schema.anyOf ?? schema.oneOf;
  if (alternatives !== undefined) return alternatives.map(fieldsOf).join(" or ");
  const required = new Set(schema.required ?? []);
  const names = Object.keys(schema.properties ?? {}).map((name) => (required.has(name) ? name : `${name}?`));
  return names.length === 0 ? "–" : names.map((name) => `\`${name}\``).join(", ");
}

function markdown({ events, requests, asyncapi, summaries, protos, openapi }) {
  const { messages } = asyncapi.components;
  const template = readFileSync(join(root, "docs", "contracts.template.md"), "utf8");
  const parts = {
    EVENTS: table(
      ["event", "subject", "said by", "heard by", "what it says", "fields"],
      Object.entries(events).map(([name, event]) => [
        name,
        `\`${event.subject}\``,
        event.producer,
        event.consumers.join(", "),
        summaries.get(name),
        fieldsOf(messages[name].payload),
      ]),
    ),
    REQUESTS: table(
      ["request", "subject", "answered by", "within", "what for", "input", "output"],
      Object.entries(requests).map(([name, request]) => [
        name,
        `\`${request.subject}\``,
        request.server,
        `${request.timeoutMs / 1000} s`,
        summaries.get(name),
        fieldsOf(messages[`${name}Request`].payload.properties.data),
        fieldsOf(messages[`${name}Reply`].payload.properties.response.oneOf[0].properties.data),
      ]),
    ),
    GRPC: table(["service", "rpc", "takes", "gives", "what it does"], grpcRows(protos)),
    HTTP: table(
      ["method", "path", "what it does"],
      Object.entries(openapi.paths).flatMap(([path, item]) =>
        Object.entries(item).map(([method, { summary }]) => [method.toUpperCase(), `\`${path}\``, summary]),
      ),
    ),
  };
  return template.replace(/^<!-- generated: (\w+) -->$/gm, (_, name) => {
    if (parts[name] === undefined) throw new Error(`docs/contracts.template.md: nothing is called ${name}`);
    return parts[name];
  });
}

function grpcRows(protos) {
  const { nested } = protos.lookup("granary.v1");
  const stream = (is, type) => (is ? `stream of ${type}` : type);
  return Object.values(nested)
    .filter((one) => one instanceof protobuf.Service)
    .flatMap((service) =>
      service.methodsArray.map((method) => [
        service.name,
        method.name,
        stream(method.requestStream, method.requestType),
        stream(method.responseStream, method.responseType),
        (method.comment ?? "").replace(/\s+/g, " "),
      ]),
    );
}

/** The line at which a file differs from what it should be; undefined where it does not. */
export function firstDifference(file, wanted) {
  const path = join(root, file);
  const written = existsSync(path) ? readFileSync(path, "utf8").split("\n") : [];
  const lines = wanted.split("\n");
  const at = Array.from({ length: Math.max(written.length, lines.length) }, (_, i) => i).find(
    (i) => written[i] !== lines[i],
  );
  return at === undefined ? undefined : { line: at + 1, written: written[at], wanted: lines[at] };
}
