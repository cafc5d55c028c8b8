/** A proto as protobufjs describes it in JSON. */
export interface ProtoNode {
  readonly fields?: Readonly<Record<string, ProtoField>>;
  readonly values?: Readonly<Record<string, number>>;
  readonly methods?: Readonly<Record<string, object>>;
  readonly nested?: Readonly<Record<string, ProtoNode>>;
}
interface ProtoField {
  readonly id: number;
  readonly type: string;
  readonly rule?: string;
}

/** Why clients of the older proto and servers of the newer (or the other way round) cannot talk; empty where they can. */
export function protoIncompatibilities(older: ProtoNode, newer: ProtoNode | undefined, path = "granary"): string[] {
  if (newer === undefined) return [`${path} is gone`];
  const numbers = new Map(Object.entries(newer.fields ?? {}).map(([name, field]) => [field.id, name]));
  return [
    ...Object.entries(older.fields ?? {}).flatMap(([name, field]) =>
      fieldTrouble(`${path}.${name}`, name, field, newer, numbers),
    ),
    ...lost(older.values, newer.values, path),
    ...lost(older.methods, newer.methods, path),
    ...Object.entries(older.nested ?? {}).flatMap(([name, node]) =>
      protoIncompatibilities(node, newer.nested?.[name], `${path}.${name}`),
    ),
  ];
}

function fieldTrouble(
  path: string,
  name: string,
  field: ProtoField,
  newer: ProtoNode,
  numbers: ReadonlyMap<number, string>,
): string[] {
  const after = newer.fields?.[name];
  const taken = numbers.get(field.id);
  if (taken !== undefined && taken !== name) return [`${path}: its number ${field.id} is now ${taken}'s`];
  if (after === undefined) return [`${path} is gone`];
  const [was, is] = [JSON.stringify(field), JSON.stringify(after)];
  return was === is ? [] : [`${path}: ${was} → ${is}`];
}

/** Values of enumerations and methods of services stay what they are. */
const lost = (older: object = {}, newer: object = {}, path: string): string[] =>
  Object.entries(older).flatMap(([name, was]) => {
    const is = (newer as Record<string, unknown>)[name];
    return JSON.stringify(was) === JSON.stringify(is)
      ? []
      : [`${path}.${name}: ${JSON.stringify(was)} → ${JSON.stringify(is)}`];
  });
