import fs from "node:fs";
import { CodedError } from "@granary/primitives";
import { z } from "zod";
import { fromHex, type Hex, textHex } from "../engine/codec.js";

const hex = z.string().regex(/^0x(?:[0-9a-fA-F]{2})*$/, "not 0x-hexadecimal bytes");

const rawSpec = z.object({
  name: z.string(),
  chainType: z.union([z.string(), z.record(z.string(), z.unknown())]).default("Live"),
  properties: z.record(z.string(), z.unknown()).nullish(),
  genesis: z.object({
    raw: z.object({
      top: z.record(hex, hex),
      childrenDefault: z.record(hex, z.record(hex, hex)).default({}),
    }),
  }),
});

/** A chain as its raw specification says it: who it is, and every entry of its first state. */
export interface ChainSpec {
  readonly name: string;
  readonly chainType: string;
  readonly properties: Readonly<Record<string, unknown>>;
  readonly top: ReadonlyMap<Hex, Uint8Array>;
  /** Entries of child states by the name of the state. */
  readonly children: ReadonlyMap<Hex, ReadonlyMap<Hex, Uint8Array>>;
}

export const codeKey = textHex(":code");

/** @throws CodedError CHAIN_SPEC_INVALID (invalid) where there is no raw chain specification at the path */
export function readSpec(path: string): ChainSpec {
  const parsed = rawSpec.safeParse(readJson(path));
  if (!parsed.success) {
    const problem = parsed.error.issues[0]!;
    throw invalid(path, `${problem.path.join(".")}: ${problem.message}; a raw one is needed (build-spec --raw)`);
  }
  const { name, chainType, properties, genesis } = parsed.data;
  const top = entriesOf(genesis.raw.top);
  if (!top.has(codeKey)) throw invalid(path, "its state has no runtime");
  return {
    name,
    chainType: typeof chainType === "string" ? chainType : "Custom",
    properties: properties ?? {},
    top,
    children: new Map(
      Object.entries(genesis.raw.childrenDefault).map(([child, entries]) => [lower(child), entriesOf(entries)]),
    ),
  };
}

function readJson(path: string): unknown {
  try {
    return JSON.parse(fs.readFileSync(path, "utf8"));
  } catch (cause) {
    throw invalid(path, "it cannot be read as JSON", cause);
  }
}

const invalid = (path: string, problem: string, cause?: unknown): CodedError =>
  new CodedError("CHAIN_SPEC_INVALID", "invalid", `${path} is not a chain specification: ${problem}`, {}, { cause });

const lower = (text: string): Hex => text.toLowerCase() as Hex;
const entriesOf = (entries: Readonly<Record<string, string>>): Map<Hex, Uint8Array> =>
  new Map(Object.entries(entries).map(([key, value]) => [lower(key), fromHex(value)]));
