import { Metadata, type PortableRegistry, TypeRegistry } from "@polkadot/types";
import type { PortableType, Si1Field } from "@polkadot/types/interfaces";

/** Metadata as short texts that can be compared by eye and by machine. */
export interface MetadataDescription {
  readonly palletIndices: Readonly<Record<string, number>>;
  readonly signedExtensions: readonly string[];
  readonly pallets: Readonly<Record<string, PalletDescription>>;
  readonly types: Readonly<Record<string, string>>;
}
export interface PalletDescription {
  readonly calls: Readonly<Record<string, string>>;
  readonly events: Readonly<Record<string, string>>;
  readonly errors: Readonly<Record<string, number>>;
  readonly storage: Readonly<Record<string, string>>;
  readonly constants: Readonly<Record<string, string>>;
}

/** Reads SCALE bytes the way a client does, so that what is compared is what clients see. */
export function describeMetadata(bytes: Uint8Array): MetadataDescription {
  const registry = new TypeRegistry();
  const metadata = new Metadata(registry, `0x${Buffer.from(bytes).toString("hex")}`);
  registry.setMetadata(metadata);
  const { pallets, extrinsic, lookup } = metadata.asV14;
  const name = (id: Parameters<PortableRegistry["getSiType"]>[0]) => nameOf(lookup, id);
  const fieldsText = (fields: readonly Si1Field[]) =>
    fields.map((field) => (field.name.isSome ? `${field.name.unwrap()}: ` : "") + name(field.type)).join(", ");
  const variantsOf = (id: Parameters<PortableRegistry["getSiType"]>[0]) => [
    ...lookup.getSiType(id).def.asVariant.variants,
  ];
  const callsOrEvents = (id: Parameters<PortableRegistry["getSiType"]>[0] | undefined) =>
    Object.fromEntries(
      (id === undefined ? [] : variantsOf(id)).map((item) => [
        String(item.name),
        `${item.index}(${fieldsText([...item.fields])})`,
      ]),
    );

  const describePallet = (pallet: (typeof pallets)[number]): PalletDescription => ({
    calls: callsOrEvents(pallet.calls.isSome ? pallet.calls.unwrap().type : undefined),
    events: callsOrEvents(pallet.events.isSome ? pallet.events.unwrap().type : undefined),
    errors: Object.fromEntries(
      (pallet.errors.isSome ? variantsOf(pallet.errors.unwrap().type) : []).map((item) => [
        String(item.name),
        item.index.toNumber(),
      ]),
    ),
    storage: Object.fromEntries(
      (pallet.storage.isSome ? [...pallet.storage.unwrap().items] : []).map((item) => {
        const map = item.type.isMap ? item.type.asMap : undefined;
        const key =
          map === undefined ? "" : `${map.hashers.map((hasher) => hasher.type).join("+")} ${name(map.key)} -> `;
        return [String(item.name), `${item.modifier.type} ${key}${name(map?.value ?? item.type.asPlain)}`];
      }),
    ),
    constants: Object.fromEntries(
      pallet.constants.map((constant) => {
        const type = name(constant.type);
        const value = registry.createType(registry.createLookupType(constant.type), constant.value).toHuman();
        const text = typeof value === "string" ? value : JSON.stringify(value);
        return [String(constant.name), `${type} = ${text}`];
      }),
    ),
  });

  return {
    palletIndices: Object.fromEntries(pallets.map((pallet) => [String(pallet.name), pallet.index.toNumber()])),
    signedExtensions: extrinsic.signedExtensions.map(
      (extension) => `${extension.identifier}: ${name(extension.type)}, ${name(extension.additionalSigned)}`,
    ),
    pallets: Object.fromEntries(pallets.map((pallet) => [String(pallet.name), describePallet(pallet)])),
    types: Object.fromEntries(lookup.types.flatMap((type) => describeType(type, fieldsText) ?? [])),
  };
}

function describeType(
  { type }: PortableType,
  fieldsText: (fields: readonly Si1Field[]) => string,
): [string, string][] | undefined {
  const path = type.path.map(String);
  if (path.length < 2) return undefined;
  if (type.def.isComposite) {
    const fields = type.def.asComposite.fields.map((field, i) =>
      field.name.isSome ? fieldsText([field]) : `${i}: ${fieldsText([field])}`,
    );
    return [[path.join("::"), fields.length === 0 ? "{  }" : `{ ${fields.join(", ")} }`]];
  }
  if (!type.def.isVariant) return undefined;
  const variants = type.def.asVariant.variants.map((item) => {
    const fields = fieldsText([...item.fields]);
    return `${item.index}:${item.name}${fields === "" ? "" : `(${fields})`}`;
  });
  return [[path.join("::"), variants.join(" | ")]];
}

/** Types that everybody calls by their last name. */
const wellKnown = new Set(["AccountId32", "H256", "MultiAddress", "FixedU128", "MultiSignature"]);

function nameOf(lookup: PortableRegistry, id: Parameters<PortableRegistry["getSiType"]>[0]): string {
  const { def, path, params } = lookup.getSiType(id);
  const last = path.length === 0 ? "" : String(path[path.length - 1]);
  const param = (at: number) => nameOf(lookup, params[at]!.type.unwrap());
  if (last === "BoundedVec" || last === "WeakBoundedVec" || last === "Option" || last === "Cow")
    return `${last}<${param(0)}>`;
  if (last === "Result") return `Result<${param(0)}, ${param(1)}>`;
  if (wellKnown.has(last)) return last;
  if (last !== "") return path.map(String).join("::");
  if (def.isPrimitive) return def.asPrimitive.type.toLowerCase();
  if (def.isCompact) return `Compact<${nameOf(lookup, def.asCompact.type)}>`;
  if (def.isSequence) return `Vec<${nameOf(lookup, def.asSequence.type)}>`;
  if (def.isArray) return `[${nameOf(lookup, def.asArray.type)}; ${def.asArray.len}]`;
  if (def.isTuple) return `(${def.asTuple.map((item) => nameOf(lookup, item)).join(", ")})`;
  throw new Error("a type of a kind that is not described");
}
