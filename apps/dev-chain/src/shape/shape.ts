/** How pallets and their types are written down: plain data, from which metadata and codecs are made. */

/** Named fields, or the types of unnamed ones. */
export type Fields = Readonly<Record<string, string>> | readonly string[];

export interface StructShape {
  readonly path: string;
  readonly fields: Fields;
  /** Generic parameters that clients look up by name, e.g. the call type of the extrinsic. */
  readonly params?: Readonly<Record<string, string>>;
}
export interface EnumShape {
  readonly path: string;
  readonly variants: readonly Variant[];
  readonly params?: Readonly<Record<string, string>>;
}
export interface Variant {
  readonly name: string;
  readonly index: number;
  readonly fields: Fields;
}
export type NamedShape = StructShape | EnumShape;

export type Hasher = "Blake2_128Concat" | "Twox64Concat";

export interface StorageShape {
  readonly value: string;
  /** One entry per key of a map; empty for a plain value. */
  readonly keys: readonly { readonly type: string; readonly hasher: Hasher }[];
  /** Whether an absent value reads as nothing or as the type's zero value. */
  readonly modifier: "Optional" | "Default";
}

export interface PalletShape {
  readonly name: string;
  readonly index: number;
  /** Rust module that the call, event and error enums live in. */
  readonly module: string;
  readonly calls: Readonly<Record<string, readonly [index: number, args: Readonly<Record<string, string>>]>>;
  readonly events: Readonly<Record<string, readonly [index: number, fields: Fields]>>;
  /** In index order. */
  readonly errors: readonly string[];
  readonly storage: Readonly<Record<string, StorageShape>>;
  readonly constants: Readonly<Record<string, readonly [type: string, value: unknown]>>;
}

export const struct = (path: string, fields: Fields, params?: Readonly<Record<string, string>>): StructShape => ({
  path,
  fields,
  ...(params === undefined ? {} : { params }),
});

/** Variants as `Name: index` or `Name: [index, fields]`. */
export function variants(
  path: string,
  named: Readonly<Record<string, number | readonly [number, Fields]>>,
  params?: Readonly<Record<string, string>>,
): EnumShape {
  const list = Object.entries(named).map(([name, shape]) =>
    typeof shape === "number" ? { name, index: shape, fields: [] } : { name, index: shape[0], fields: shape[1] },
  );
  return { path, variants: list, ...(params === undefined ? {} : { params }) };
}

/** Variants without fields, numbered from zero. */
export const units = (path: string, ...names: string[]): EnumShape =>
  variants(path, Object.fromEntries(names.map((name, index) => [name, index])));

const blake = (types: readonly string[]) => types.map((type) => ({ type, hasher: "Blake2_128Concat" as const }));
const twox = (types: readonly string[]) => types.map((type) => ({ type, hasher: "Twox64Concat" as const }));

export const optional = (value: string): StorageShape => ({ value, keys: [], modifier: "Optional" });
export const defaulted = (value: string): StorageShape => ({ value, keys: [], modifier: "Default" });
export const optionalMap = (keys: string | readonly string[], value: string): StorageShape => ({
  value,
  keys: blake([keys].flat()),
  modifier: "Optional",
});
export const defaultedMap = (keys: string | readonly string[], value: string): StorageShape => ({
  value,
  keys: blake([keys].flat()),
  modifier: "Default",
});
export const twoxMap = (key: string, value: string): StorageShape => ({
  value,
  keys: twox([key]),
  modifier: "Default",
});
export const optionalTwoxMap = (key: string, value: string): StorageShape => ({
  value,
  keys: twox([key]),
  modifier: "Optional",
});

/** The eight ASCII bytes that name a pallet's own account. */
export const palletId = (text: string): string => `0x${Buffer.from(text, "ascii").toString("hex")}`;
