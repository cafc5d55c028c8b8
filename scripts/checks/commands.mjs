// Every command in docs/operations.md exists: scripts and files of the repository, subcommands of granary, and what the
// named tools have for subcommands.
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "../lib/root.mjs";

const text = readFileSync(join(root, "docs", "operations.md"), "utf8");
const blocks = [...text.matchAll(/^ *```sh\n([\s\S]*?)^ *```$/gm)].flatMap(([, body]) => body.trim().split("\n"));
const inline = [...text.matchAll(/`((?:node|npm|npx|docker|kubectl) [^`]+)`/g)].map(([, command]) => command);
const commands = [...blocks, ...inline].map((line) => line.trim().replace(/^(?:[A-Z_]+=\S+ )+/, ""));

const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
const program = readFileSync(join(root, "apps", "cli", "src", "main.ts"), "utf8");
const declared = (pattern) => new Set([...program.matchAll(pattern)].map(([, name]) => name));
const subcommands = declared(/(?:\.command|paying)\(\s*"([a-z]+)/g);
const options = declared(/[oO]ption\(\s*"(?:-\w, )?(--[a-z-]+)/g);
const compose = ["up", "down", "ps", "exec"];
const kubectl = ["create", "label", "diff", "apply", "rollout"];

/** Why a command cannot be run; undefined where it can. */
function trouble(command) {
  const [program, ...args] = command.split(/\s+/);
  const missing = args
    .filter((arg) => /^(?:infra|scripts|docs)\//.test(arg) || /\.(?:yml|mjs)$/.test(arg))
    .find((arg) => !existsSync(join(root, arg)));
  if (missing !== undefined) return `there is no ${missing}`;
  if (program === "node") return undefined;
  if (program === "npm") {
    const name = args[0] === "run" ? args[1] : args[0];
    return scripts[name] === undefined ? `package.json has no script ${name}` : undefined;
  }
  if (program === "npx") return granaryTrouble(args);
  const app = /APP=(\S+)/.exec(command)?.[1];
  if (app !== undefined && !existsSync(join(root, "apps", app, "src", "main.ts"))) return `there is no app ${app}`;
  const words = args.filter((arg, i) => !arg.startsWith("-") && !["-f", "-n"].includes(args[i - 1]));
  const known = program === "kubectl" ? kubectl : words[0] === "compose" ? compose : ["build"];
  const word = words[0] === "compose" ? words[1] : words[0];
  return known.includes(word) ? undefined : `${program} ${word} is not known to this check`;
}

/** A word in lower letters after a command that has commands of its own is one of them. */
function granaryTrouble([tool, command, ...rest]) {
  if (tool !== "granary") return `${tool} is not ours`;
  const parents = ["miners", "territory", "account"];
  const words = parents.includes(command) && /^[a-z]+$/.test(rest[0] ?? "") ? [command, rest[0]] : [command];
  const missing = words.find((word) => !subcommands.has(word));
  if (missing !== undefined) return `granary has no ${missing}`;
  const unknown = rest.filter((word) => word.startsWith("--")).find((option) => !options.has(option));
  return unknown === undefined ? undefined : `granary has no option ${unknown}`;
}

const known = ["npx granary fly", "npm run nothing", "node scripts/nothing.mjs", "kubectl dance"];
for (const command of known) if (trouble(command) === undefined) throw new Error(`this check takes "${command}"`);
const broken = commands.flatMap((command) => {
  const found = trouble(command);
  return found === undefined ? [] : [`${command}: ${found}`];
});
if (commands.length < 25) throw new Error(`only ${commands.length} commands were found: the pattern is wrong`);
if (broken.length > 0) {
  console.error(`docs/operations.md names what is not there:\n  ${broken.join("\n  ")}`);
  process.exitCode = 1;
}
