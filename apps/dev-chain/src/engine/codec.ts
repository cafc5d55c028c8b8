import { type Primitive, parseType, type TypeTree } from "../metadata/type-language.js";
import { type EnumShape, type Fields, type NamedShape, namedTypes } from "../shape/index.js";
import { Reader, ScaleError, Writer } from "./scale.js";

/**
 * Values as the pallets see them: numbers up to 32 bits, bigint above, bytes as 0x-hex, structs as objects with
 * camelCase fields, one-field wrappers as what they wrap, enums without fields as the variant's name and others as
 * `{ type, value }`, options as the value or null.
 */
export interface Codec<T = unknown> {
  readonly encode: (value: T, writer: Writer) => void;
  readonly decode: (reader: Reader) => T;
  /** Fewest bytes that a value takes: guards counts against lies. */
  readonly minBytes: number;
}

export type Hex = `0x${string}`;

export const toHex = (bytes: Uint8Array): Hex =>
  `0x${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex")}`;
export function fromHex(text: string): Uint8Array {
  if (!/^0x(?:[0-9a-fA-F]{2})*$/.test(text)) throw new ScaleError("not 0x-hexadecimal bytes");
  return new Uint8Array(Buffer.from(text.slice(2), "hex"));
}
export const hexLength = (text: Hex): number => text.length / 2 - 1;
export const textHex = (text: string): Hex => toHex(Buffer.from(text, "utf8"));
export const hexText = (hex: Hex): string => Buffer.from(hex.slice(2), "hex").toString("utf8");

const compiled = new Map<string, Codec>();

export function codec<T>(type: string): Codec<T> {
  let known = compiled.get(type);
  if (known === undefined) {
    known = compile(parseType(type));
    compiled.set(type, known);
  }
  return known as Codec<T>;
}

export function encode(type: string, value: unknown): Uint8Array {
  const writer = new Writer();
  codec(type).encode(value, writer);
  return writer.finish();
}

/** @throws ScaleError unless the bytes are one value of the type and nothing more */
export function decode<T>(type: string, bytes: Uint8Array): T {
  const reader = new Reader(bytes);
  const value = codec<T>(type).decode(reader);
  if (reader.left > 0) throw new ScaleError(`${reader.left} bytes left over`);
  return value;
}

/** What an absent value of a storage item with a default reads as: zero throughout. */
export function defaultOf<T>(type: string): T {
  return codec<T>(type).decode(new Reader(new Uint8Array(zeroBytes)));
}
const zeroBytes = 8192;

export const camel = (name: string): string =>
  name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());

// Codecs are written over `never`-free unknowns inside this file only; callers see typed values.
const make = <T>(
  encodeValue: (value: T, writer: Writer) => void,
  decodeValue: (r: Reader) => T,
  minBytes: number,
): Codec => ({ encode: encodeValue, decode: decodeValue, minBytes }) as Codec<T> as Codec;

const primitiveCodecs: Record<Primitive, Codec> = {
  bool: make<boolean>(
    (value, w) => w.u8(value ? 1 : 0),
    (r) => {
      const byte = r.u8();
      if (byte > 1) throw new ScaleError("not a bool");
      return byte === 1;
    },
    1,
  ),
  str: make<string>(
    (value, w) => {
      const bytes = Buffer.from(value, "utf8");
      w.compact(BigInt(bytes.length));
      w.put(bytes);
    },
    (r) => Buffer.from(r.take(r.count(1))).toString("utf8"),
    1,
  ),
  u8: make<number>(
    (value, w) => w.u8(value),
    (r) => r.u8(),
    1,
  ),
  u16: make<number>(
    (value, w) => w.u16(value),
    (r) => r.u16(),
    2,
  ),
  u32: make<number>(
    (value, w) => w.u32(value),
    (r) => r.u32(),
    4,
  ),
  u64: make<bigint>(
    (value, w) => w.u64(value),
    (r) => r.u64(),
    8,
  ),
  u128: make<bigint>(
    (value, w) => w.u128(value),
    (r) => r.u128(),
    16,
  ),
};

function compile(tree: TypeTree): Codec {
  switch (tree.kind) {
    case "primitive":
      return primitiveCodecs[tree.name];
    case "named":
      return named(tree.name);
    case "cow":
      return compile(tree.of);
    case "compact":
      return compact(tree.of);
    case "vec":
      return list(tree.of, Number.POSITIVE_INFINITY);
    case "bounded":
      return list(tree.of, tree.max);
    case "array":
      return array(tree.of, tree.length);
    case "tuple":
      return tuple(tree.of.map(compile));
    case "option":
      return option(compile(tree.of));
    case "result":
      return variant([
        { name: "Ok", index: 0, codec: compile(tree.ok) },
        { name: "Err", index: 1, codec: compile(tree.err) },
      ]);
  }
}

function compact(of: TypeTree): Codec {
  const isSmall = of.kind === "primitive" && (of.name === "u8" || of.name === "u16" || of.name === "u32");
  return isSmall
    ? make<number>(
        (value, w) => w.compact(BigInt(value)),
        (r) => {
          const value = r.compact();
          if (value > 0xffffffffn) throw new ScaleError("compact value out of range");
          return Number(value);
        },
        1,
      )
    : make<bigint>(
        (value, w) => w.compact(value),
        (r) => r.compact(),
        1,
      );
}

const isByte = (tree: TypeTree): boolean => tree.kind === "primitive" && tree.name === "u8";

function list(of: TypeTree, max: number): Codec {
  const check = (count: number): number => {
    if (count > max) throw new ScaleError(`${count} items where ${max} are allowed`);
    return count;
  };
  if (isByte(of)) {
    return make<Hex>(
      (value, w) => {
        const bytes = fromHex(value);
        w.compact(BigInt(check(bytes.length)));
        w.put(bytes);
      },
      (r) => toHex(r.take(check(r.count(1)))),
      1,
    );
  }
  const item = lazy(() => compile(of));
  return make<unknown[]>(
    (values, w) => {
      w.compact(BigInt(check(values.length)));
      for (const value of values) item().encode(value, w);
    },
    (r) => Array.from({ length: check(r.count(item().minBytes)) }, () => item().decode(r)),
    1,
  );
}

function array(of: TypeTree, length: number): Codec {
  if (isByte(of)) {
    return make<Hex>(
      (value, w) => {
        const bytes = fromHex(value);
        if (bytes.length !== length) throw new ScaleError(`${bytes.length} bytes where ${length} belong`);
        w.put(bytes);
      },
      (r) => toHex(r.take(length)),
      length,
    );
  }
  const item = compile(of);
  return make<unknown[]>(
    (values, w) => {
      if (values.length !== length) throw new ScaleError(`${values.length} items where ${length} belong`);
      for (const value of values) item.encode(value, w);
    },
    (r) => Array.from({ length }, () => item.decode(r)),
    length * item.minBytes,
  );
}

function tuple(items: readonly Codec[]): Codec {
  if (items.length === 1) return items[0]!;
  return make<unknown[]>(
    (values, w) => {
      for (const [i, item] of items.entries()) item.encode(values[i], w);
    },
    (r) => items.map((item) => item.decode(r)),
    items.reduce((sum, item) => sum + item.minBytes, 0),
  );
}

function option(some: Codec): Codec {
  return make<unknown>(
    (value, w) => {
      w.u8(value === null ? 0 : 1);
      if (value !== null) some.encode(value, w);
    },
    (r) => {
      const tag = r.u8();
      if (tag > 1) throw new ScaleError("not an option");
      return tag === 0 ? null : some.decode(r);
    },
    1,
  );
}

function fields(shape: Fields): Codec {
  if (Array.isArray(shape)) return tuple(shape.map((type) => codec(type)));
  const named = Object.entries(shape as Record<string, string>).map(
    ([name, type]) => [camel(name), codec(type)] as const,
  );
  return make<Record<string, unknown>>(
    (value, w) => {
      for (const [name, item] of named) {
        if (value[name] === undefined) throw new ScaleError(`field ${name} is missing`);
        item.encode(value[name], w);
      }
    },
    (r) => Object.fromEntries(named.map(([name, item]) => [name, item.decode(r)])),
    named.reduce((sum, [, item]) => sum + item.minBytes, 0),
  );
}

function named(name: string): Codec {
  const shape: NamedShape | undefined = namedTypes[name];
  if (shape === undefined) throw new Error(`no type named ${name}`);
  // Calls contain calls: what is inside is looked up when first used.
  return "fields" in shape ? fields(shape.fields) : enumeration(shape);
}

const enumeration = (shape: EnumShape): Codec =>
  variant(
    shape.variants.map(({ name, index, fields: inner }) => {
      const isUnit = Object.keys(inner).length === 0 && Array.isArray(inner);
      const inside = lazy(() => fields(inner));
      return { name, index, codec: isUnit ? undefined : defer(inside) };
    }),
  );

interface VariantCodec {
  readonly name: string;
  readonly index: number;
  readonly codec: Codec | undefined;
}

function variant(shapes: readonly VariantCodec[]): Codec {
  const byIndex = new Map(shapes.map((shape) => [shape.index, shape]));
  const byName = new Map(shapes.map((shape) => [shape.name, shape]));
  return make<string | { type: string; value: unknown }>(
    (value, w) => {
      const name = typeof value === "string" ? value : value.type;
      const shape = byName.get(name);
      if (shape === undefined) throw new ScaleError(`no variant ${name}`);
      w.u8(shape.index);
      if (typeof value !== "string") shape.codec?.encode(value.value, w);
    },
    (r) => {
      const shape = byIndex.get(r.u8());
      if (shape === undefined) throw new ScaleError("no such variant");
      return shape.codec === undefined ? shape.name : { type: shape.name, value: shape.codec.decode(r) };
    },
    1,
  );
}

function lazy<T>(create: () => T): () => T {
  let made: T | undefined;
  return () => {
    made ??= create();
    return made;
  };
}

const defer = (inner: () => Codec): Codec => ({
  encode: (value, writer) => inner().encode(value, writer),
  decode: (reader) => inner().decode(reader),
  minBytes: 0,
});
