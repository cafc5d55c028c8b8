import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import asyncApiSpecs from "@asyncapi/specs";
import { describe, expect, it } from "@jest/globals";
import { Ajv } from "ajv";
import addFormats from "ajv-formats";
import type { z } from "zod";
import { events, requests } from "../index.js";
import { asyncApiDocument, type Json, type JsonObject, jsonSchemaOf } from "./asyncapi.js";
import { incompatibilities } from "./compatible.js";
import { type ProtoNode, protoIncompatibilities } from "./proto-compatible.js";
import { samplesOf } from "./sample.js";

const file = (path: string) =>
  JSON.parse(readFileSync(fileURLToPath(new URL(`../../${path}`, import.meta.url)), "utf8"));
const ajv = addFormats.default(new Ajv({ strict: false }));

interface Message {
  readonly name: string;
  readonly schema: z.ZodType;
  /** As version N−1 has it; undefined for a message that N−1 does not know. */
  readonly released: JsonObject | undefined;
}

/** Every payload that one service writes and another reads. */
const payloads = file("released/asyncapi.json").components.messages as Record<string, { payload: JsonObject }>;
const at = (json: unknown, path: string): JsonObject | undefined =>
  path.split("/").reduce((found, key) => (found as Record<string, unknown> | undefined)?.[key], json) as
    | JsonObject
    | undefined;
const messages: Message[] = [
  ...Object.entries(events).map(([name, { schema }]) => ({ name, schema, released: at(payloads, `${name}/payload`) })),
  ...Object.entries(requests).flatMap(([name, { input, output }]) => [
    {
      name: `${name} asked`,
      schema: input,
      released: at(payloads, `${name}Request/payload/properties/data`),
    },
    {
      name: `${name} answered`,
      schema: output,
      released: at(payloads, `${name}Reply/payload/properties/response/oneOf/0/properties/data`),
    },
  ]),
];
const known = messages.filter(({ released }) => released !== undefined);
const whatToDo = "make the field optional, or declare the next version of the subject (docs/contracts.md)";

describe("a message of version N−1", () => {
  it("still exists, as long as its subject does", () => {
    const gone = Object.keys(payloads).filter((name) => {
      const bare = name.replace(/(Request|Reply)$/, "");
      return !(name in events) && !(bare in requests);
    });
    expect(gone).toEqual([]);
    expect(known.length).toBeGreaterThan(30);
  });

  it.each(known)("and one of version N have the same form: $name", ({ schema, released }) => {
    expect({ whatToDo, found: incompatibilities(released as Json, jsonSchemaOf(schema)) }).toEqual({
      whatToDo,
      found: [],
    });
  });

  it.each(known)("is read by version N: $name", ({ schema, released }) => {
    const samples = samplesOf(released as Json);
    expect(samples.length).toBeGreaterThan(0);
    for (const sample of samples) expect({ sample, ...schema.safeParse(sample) }).toMatchObject({ success: true });
  });

  it.each(known)("is what a reader of version N−1 finds in one of version N: $name", ({ schema, released }) => {
    const validate = ajv.compile(released as object);
    for (const sample of samplesOf(jsonSchemaOf(schema))) {
      validate(sample);
      expect({ sample, errors: validate.errors }).toEqual({ sample, errors: null });
    }
  });
});

describe("a reader of version N", () => {
  it.each(messages)("ignores what only N+1 knows: $name", ({ schema }) => {
    for (const sample of samplesOf(jsonSchemaOf(schema))) {
      const later = { ...(sample as JsonObject), aFieldOfTheNextVersion: { deep: [1] } };
      const read = schema.safeParse(later);
      expect(read.success).toBe(true);
      expect(read.data).not.toHaveProperty("aFieldOfTheNextVersion");
    }
  });
});

describe("the rule of versions", () => {
  const older: JsonObject = {
    type: "object",
    properties: { a: { type: "integer", minimum: 0 }, b: { enum: ["x", "y"] }, c: { type: "string" } },
    required: ["a", "b"],
  };
  const withFields = (properties: JsonObject, required: readonly string[] = ["a", "b"]): JsonObject => ({
    type: "object",
    properties: { ...(older.properties as JsonObject), ...properties },
    required,
  });

  it("lets a field be added as an optional one, and fields be told in another order", () => {
    expect(incompatibilities(older, withFields({ d: { type: "string" } }))).toEqual([]);
    expect(incompatibilities(older, withFields({}, ["b", "a"]))).toEqual([]);
    expect(incompatibilities(older, withFields({ c: { type: "string", description: "now explained" } }))).toEqual([]);
  });

  it.each([
    ["a new required field", withFields({ d: { type: "string" } }, ["a", "b", "d"])],
    ["a required field that may be missing", withFields({}, ["a"])],
    ["another type", withFields({ c: { type: "integer" } })],
    ["a wider enumeration", withFields({ b: { enum: ["x", "y", "z"] } })],
    ["a narrower bound", withFields({ a: { type: "integer", minimum: 1 } })],
    ["a new bound", withFields({ a: { type: "integer", minimum: 0, maximum: 9 } })],
    [
      "a field that is gone",
      { type: "object", properties: { a: older.properties } as JsonObject, required: ["a", "b"] },
    ],
    ["a field that may be null now", withFields({ c: { anyOf: [{ type: "string" }, { type: "null" }] } })],
  ])("refuses %s", (_what, newer) => {
    expect(incompatibilities(older, newer)).not.toEqual([]);
  });
});

describe("the .proto files", () => {
  const released = file("released/granary.v1.json") as ProtoNode;

  it("keep every field, number, value and method of N−1", () => {
    expect(protoIncompatibilities(released, file("generated/granary.v1.json"))).toEqual([]);
  });

  it.each([
    ["a number that another field takes", { fields: { b: { id: 1, type: "string" } } }],
    ["another type", { fields: { a: { id: 1, type: "bytes" } } }],
    ["another number", { fields: { a: { id: 2, type: "string" } } }],
    ["a field that is gone", { fields: {} }],
  ])("are held against N−1 by a check that notices %s", (_what, newer) => {
    expect(protoIncompatibilities({ fields: { a: { id: 1, type: "string" } } }, newer)).toHaveLength(1);
  });

  it("may gain fields and methods", () => {
    const newer = { fields: { a: { id: 1, type: "string" }, b: { id: 2, type: "string" } }, methods: { New: {} } };
    expect(protoIncompatibilities({ fields: { a: { id: 1, type: "string" } } }, newer)).toEqual([]);
  });
});

describe("the AsyncAPI document", () => {
  const document = asyncApiDocument((name) => `what ${name} is for`);

  it("is one, by the schema of AsyncAPI itself", () => {
    const validate = addFormats
      .default(new Ajv({ strict: false, validateSchema: false, meta: false }))
      .compile(asyncApiSpecs.schemas["3.0.0"] as object);
    validate(document);
    expect(validate.errors).toBeNull();
    expect(validate({ ...document, operations: { one: { action: "shout" } } })).toBe(false);
  });

  it("has every subject, with who says it and who hears it", () => {
    const channels = Object.values(document.channels as Record<string, { address: string | null }>);
    const subjects = channels.flatMap(({ address }) => address ?? []);
    const declared = [...Object.values(events), ...Object.values(requests)].map(({ subject }) => subject);
    expect(subjects.sort()).toEqual(declared.sort());
    expect(Object.keys(document.operations as object)).toContain("preprocessor-hears-uploadReceived");
    expect(Object.keys(document.operations as object)).toContain("scheduler-answers-dealShow");
  });
});
