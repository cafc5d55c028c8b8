import type { Fields, NamedShape } from "../shape/index.js";
import { parseType, type TypeTree } from "./type-language.js";

interface PortableField {
  name: string | null;
  type: number;
  typeName: string | null;
  docs: string[];
}
interface PortableType {
  path: string[];
  params: { name: string; type: number | null }[];
  def: Record<string, unknown>;
  docs: string[];
}

/** Numbers types in the order in which they are first asked for, each once, as a portable registry wants them. */
export class TypeRegistry {
  private readonly types: PortableType[] = [];
  private readonly ids = new Map<string, number>();

  constructor(private readonly namedTypes: Readonly<Record<string, NamedShape>>) {}

  id(type: string): number {
    return this.of(parseType(type));
  }

  /** A named shape that is not in the table, e.g. the extrinsic's. */
  add(shape: NamedShape): number {
    return this.register(`shape ${shape.path}`, () => this.named(shape));
  }

  portable(): { id: number; type: PortableType }[] {
    return this.types.map((type, id) => ({ id, type }));
  }

  private of(tree: TypeTree): number {
    return this.register(textOf(tree), () => this.describe(tree));
  }

  /** The id is taken before the description is made, so types may contain themselves. */
  private register(key: string, describe: () => PortableType): number {
    const known = this.ids.get(key);
    if (known !== undefined) return known;
    const id = this.types.length;
    this.ids.set(key, id);
    this.types.push(plain({ Tuple: [] }));
    this.types[id] = describe();
    return id;
  }

  private describe(tree: TypeTree): PortableType {
    switch (tree.kind) {
      case "primitive":
        return plain({
          Primitive: tree.name === "bool" || tree.name === "str" ? capital(tree.name) : tree.name.toUpperCase(),
        });
      case "named":
        return this.named(lookup(this.namedTypes, tree.name));
      case "compact":
        return plain({ Compact: { type: this.of(tree.of) } });
      case "vec":
        return plain({ Sequence: { type: this.of(tree.of) } });
      case "array":
        return plain({ Array: { len: tree.length, type: this.of(tree.of) } });
      case "tuple":
        return plain({ Tuple: tree.of.map((item) => this.of(item)) });
      case "cow":
        return this.wrapper(["Cow"], { T: tree.of }, { Composite: { fields: [this.field(null, tree.of)] } });
      case "bounded":
        return this.wrapper(
          [
            "bounded_collections",
            tree.weak ? "weak_bounded_vec" : "bounded_vec",
            tree.weak ? "WeakBoundedVec" : "BoundedVec",
          ],
          { T: tree.of, S: null },
          { Composite: { fields: [this.field(null, { kind: "vec", of: tree.of })] } },
        );
      case "option":
        return this.wrapper(
          ["Option"],
          { T: tree.of },
          { Variant: { variants: [unit("None", 0), this.one("Some", 1, tree.of)] } },
        );
      case "result":
        return this.wrapper(
          ["Result"],
          { T: tree.ok, E: tree.err },
          { Variant: { variants: [this.one("Ok", 0, tree.ok), this.one("Err", 1, tree.err)] } },
        );
    }
  }

  private named(shape: NamedShape): PortableType {
    const params = Object.entries(shape.params ?? {}).map(([name, type]) => ({ name, type: this.id(type) }));
    const path = shape.path.split("::");
    if ("fields" in shape) return { path, params, def: { Composite: { fields: this.fields(shape.fields) } }, docs: [] };
    const variants = shape.variants.map(({ name, index, fields }) => ({
      name,
      fields: this.fields(fields),
      index,
      docs: [],
    }));
    return { path, params, def: { Variant: { variants } }, docs: [] };
  }

  private fields(fields: Fields): PortableField[] {
    if (Array.isArray(fields)) return fields.map((type: string) => this.field(null, parseType(type)));
    return Object.entries(fields as Record<string, string>).map(([name, type]) => this.field(name, parseType(type)));
  }

  private field(name: string | null, tree: TypeTree): PortableField {
    return { name, type: this.of(tree), typeName: textOf(tree), docs: [] };
  }

  private one(name: string, index: number, tree: TypeTree) {
    return { name, index, fields: [this.field(null, tree)], docs: [] };
  }

  private wrapper(path: string[], params: Record<string, TypeTree | null>, def: Record<string, unknown>): PortableType {
    const typed = Object.entries(params).map(([name, tree]) => ({ name, type: tree === null ? null : this.of(tree) }));
    return { path, params: typed, def, docs: [] };
  }
}

const plain = (def: Record<string, unknown>): PortableType => ({ path: [], params: [], def, docs: [] });
const unit = (name: string, index: number) => ({ name, index, fields: [], docs: [] });
const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

function lookup(namedTypes: Readonly<Record<string, NamedShape>>, name: string): NamedShape {
  const shape = namedTypes[name];
  if (shape === undefined) throw new Error(`no type named ${name}`);
  return shape;
}

/** The type as text without bounds, which portable registries do not carry. */
export function textOf(tree: TypeTree): string {
  switch (tree.kind) {
    case "primitive":
    case "named":
      return tree.name;
    case "compact":
      return `Compact<${textOf(tree.of)}>`;
    case "vec":
      return `Vec<${textOf(tree.of)}>`;
    case "cow":
      return `Cow<${textOf(tree.of)}>`;
    case "option":
      return `Option<${textOf(tree.of)}>`;
    case "bounded":
      return `${tree.weak ? "WeakBoundedVec" : "BoundedVec"}<${textOf(tree.of)}>`;
    case "array":
      return `[${textOf(tree.of)}; ${tree.length}]`;
    case "tuple":
      return `(${tree.of.map(textOf).join(", ")})`;
    case "result":
      return `Result<${textOf(tree.ok)}, ${textOf(tree.err)}>`;
  }
}
