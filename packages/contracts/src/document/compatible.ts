import type { Json, JsonObject } from "./asyncapi.js";

/**
 * Why two versions of a schema under one subject cannot run side by side; empty where they can. While services are
 * replaced one by one, messages of either version are read by both. So what is required stays what it was, a field may
 * only be added as an optional one, and nothing else changes: not a type, not a bound, not the values of an enumeration,
 * because the older reader refuses a value that it does not know.
 */
export function incompatibilities(older: Json, newer: Json, path = ""): string[] {
  if (!isObject(older) || !isObject(newer))
    return same(older, newer) ? [] : [`${path}: ${show(older)} → ${show(newer)}`];
  const keys = new Set([...Object.keys(older), ...Object.keys(newer)].filter((key) => !texts.has(key)));
  return [...keys].flatMap((key) => {
    const [before, after] = [older[key], newer[key]];
    const here = `${path}/${key}`;
    if (key === "properties") return differingProperties(asObject(before), asObject(after), here);
    if (key === "required") return sameSet(before, after) ? [] : [`${here}: ${show(before)} → ${show(after)}`];
    if (schemaLists.has(key)) return differingLists(before, after, here);
    if (before === undefined || after === undefined) return [`${here}: ${show(before)} → ${show(after)}`];
    return incompatibilities(before, after, here);
  });
}

const texts = new Set(["description", "title", "summary"]);
const schemaLists = new Set(["oneOf", "anyOf", "allOf", "items"]);

function differingProperties(older: JsonObject, newer: JsonObject, path: string): string[] {
  return Object.entries(older).flatMap(([name, schema]) => {
    const after = newer[name];
    return after === undefined
      ? [`${path}/${name}: ${show(schema)} → nothing`]
      : incompatibilities(schema, after, `${path}/${name}`);
  });
}

function differingLists(older: Json | undefined, newer: Json | undefined, path: string): string[] {
  if (!Array.isArray(older) || !Array.isArray(newer)) {
    return older === undefined || newer === undefined
      ? [`${path}: ${show(older)} → ${show(newer)}`]
      : incompatibilities(older, newer, path);
  }
  if (older.length !== newer.length) return [`${path}: ${older.length} → ${newer.length} alternatives`];
  return older.flatMap((one, i) => incompatibilities(one as Json, newer[i] as Json, `${path}/${i}`));
}

const isObject = (json: Json | undefined): json is JsonObject =>
  typeof json === "object" && json !== null && !Array.isArray(json);
const asObject = (json: Json | undefined): JsonObject => (isObject(json) ? json : {});
const same = (one: Json, other: Json): boolean => JSON.stringify(one) === JSON.stringify(other);
const sameSet = (one: Json | undefined, other: Json | undefined): boolean => sorted(one) === sorted(other);
const sorted = (list: Json | undefined): string => JSON.stringify(Array.isArray(list) ? [...list].sort() : []);
const show = (json: Json | undefined): string => (json === undefined ? "nothing" : JSON.stringify(json).slice(0, 80));
