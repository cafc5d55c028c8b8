import { TypeRegistry as PolkadotRegistry } from "@polkadot/types";
import { defaultOf, encode, toHex } from "../engine/codec.js";
import { namedTypes, type PalletShape, type StorageShape, signedExtensions, struct } from "../shape/index.js";
import type { RuntimeShape } from "../shape/runtime.js";
import { TypeRegistry } from "./type-registry.js";

/** "meta", little endian: the first bytes of any metadata. */
const magic = Buffer.from("meta", "ascii");
const version = 14;

/** SCALE bytes of the chain's metadata, prefixed as `state_getMetadata` returns them. */
export function buildMetadata({ pallets, namedTypes }: RuntimeShape): Uint8Array {
  const types = new TypeRegistry(namedTypes);
  const described = pallets.map((pallet) => describePallet(types, pallet));
  types.id("RuntimeError");
  types.id("DispatchError");
  const extrinsic = {
    type: extrinsicType(types),
    version: 4,
    signedExtensions: signedExtensions.map(([identifier, type, additionalSigned]) => ({
      identifier,
      type: types.id(type),
      additionalSigned: types.id(additionalSigned),
    })),
  };
  const runtime = types.add(struct("cess_node_runtime::Runtime", []));
  const metadata = new PolkadotRegistry().createType("MetadataV14", {
    lookup: { types: types.portable() },
    pallets: described,
    extrinsic,
    type: runtime,
  });
  return Buffer.concat([magic, Buffer.from([version]), metadata.toU8a()]);
}

function describePallet(types: TypeRegistry, pallet: PalletShape) {
  const part = (kind: "Call" | "Event" | "Error") =>
    enumOf(pallet, kind) === 0 ? null : { type: types.id(`${pallet.name}${kind}`) };
  const items = Object.entries(pallet.storage).map(([name, item]) => describeStorage(types, name, item));
  return {
    name: pallet.name,
    storage: items.length === 0 ? null : { prefix: pallet.name, items },
    calls: part("Call"),
    events: part("Event"),
    constants: Object.entries(pallet.constants).map(([name, [type, value]]) => ({
      name,
      type: types.id(type),
      value: toHex(encode(type, value)),
      docs: [],
    })),
    errors: part("Error"),
    index: pallet.index,
  };
}

function enumOf(pallet: PalletShape, kind: "Call" | "Event" | "Error"): number {
  const shape = namedTypes[`${pallet.name}${kind}`];
  return shape !== undefined && "variants" in shape ? shape.variants.length : 0;
}

function describeStorage(types: TypeRegistry, name: string, item: StorageShape) {
  const value = types.id(item.value);
  const keys = item.keys.map(({ type }) => type);
  const type =
    keys.length === 0
      ? { Plain: value }
      : {
          Map: {
            hashers: item.keys.map(({ hasher }) => hasher),
            key: types.id(keys.length === 1 ? keys[0]! : `(${keys.join(", ")})`),
            value,
          },
        };
  const fallback = item.modifier === "Optional" ? "0x00" : toHex(encode(item.value, defaultOf(item.value)));
  return { name, modifier: item.modifier, type, fallback, docs: [] };
}

/** Clients find the address, call and signature types as this type's parameters. */
function extrinsicType(types: TypeRegistry): number {
  const extra = `(${signedExtensions.map(([, type]) => type).join(", ")})`;
  return types.add(
    struct("sp_runtime::generic::unchecked_extrinsic::UncheckedExtrinsic", ["Vec<u8>"], {
      Address: "MultiAddress",
      Call: "RuntimeCall",
      Signature: "MultiSignature",
      Extra: extra,
    }),
  );
}
