import type { Json, JsonObject } from "./asyncapi.js";

/** One example of everything that a string may be asked to look like. */
const textOf = (schema: JsonObject): string => {
  if (schema.format === "uuid") return "00000000-0000-4000-8000-000000000001";
  if (schema.format === "date-time") return "2026-01-02T03:04:05.678Z";
  if (String(schema.pattern).includes("\\d")) return "1";
  if (schema.pattern !== undefined) return "a".repeat(64);
  return "x".repeat(Math.max(1, Number(schema.minLength ?? 1)));
};

/**
 * Messages that a schema allows: with all that is optional, without it, and with each value of each alternative in turn.
 * Knows the part of JSON Schema that contracts use. @throws Error at anything else
 */
export function samplesOf(schema: Json): Json[] {
  const found = schema as JsonObject;
  const alternatives = (found.anyOf ?? found.oneOf) as Json[] | undefined;
  if (alternatives !== undefined) return alternatives.flatMap(samplesOf);
  if (Object.keys(found).length === 0) return [{ anything: 1 }];
  if (found.const !== undefined) return [found.const];
  if (Array.isArray(found.enum)) return [...found.enum];
  if (Array.isArray(found.type)) return found.type.flatMap((type) => samplesOf({ ...found, type }));
  switch (found.type) {
    case "null":
      return [null];
    case "boolean":
      return [true, false];
    case "string":
      return [textOf(found)];
    case "integer":
    case "number":
      return numbersOf(found);
    case "array":
      return [arrayOf(found)];
    case "object":
      return objectsOf(found);
    default:
      throw new Error(`no sample for ${JSON.stringify(schema)}`);
  }
}

function numbersOf(schema: JsonObject): number[] {
  const least = Number(schema.minimum ?? Number(schema.exclusiveMinimum ?? -1) + 1);
  return [Math.max(least, Math.min(1, Number(schema.maximum ?? 1)))];
}

function arrayOf({ items, minItems = 1 }: JsonObject): Json[] {
  if (Array.isArray(items)) return items.map((item) => samplesOf(item)[0] as Json);
  const samples = samplesOf(items as Json);
  return Array.from(
    { length: Math.max(samples.length, Number(minItems)) },
    (_, i) => samples[i % samples.length] as Json,
  ).slice(0, Math.max(1, Number(minItems)));
}

function objectsOf({ properties = {}, required = [] }: JsonObject): JsonObject[] {
  const fields = Object.entries(properties as JsonObject).map(([name, schema]) => [name, samplesOf(schema)] as const);
  const wanted = new Set(required as readonly string[]);
  const fewest = Object.fromEntries(
    fields.filter(([name]) => wanted.has(name)).map(([name, [first]]) => [name, first as Json]),
  );
  const all = Object.fromEntries(fields.map(([name, [first]]) => [name, first as Json]));
  const varied = fields.flatMap(([name, samples]) => samples.slice(1).map((sample) => ({ ...all, [name]: sample })));
  return [fewest, all, ...varied];
}
