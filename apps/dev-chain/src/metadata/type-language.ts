/**
 * The language in which shapes are written: the text a Rust programmer would write for the type, with the bound of a
 * bounded vector as its second argument. One parse serves the metadata (what clients read) and the codec (what the
 * engine does), so the two cannot disagree.
 */
export const primitives = ["bool", "str", "u8", "u16", "u32", "u64", "u128"] as const;
export type Primitive = (typeof primitives)[number];

export type TypeTree =
  | { readonly kind: "primitive"; readonly name: Primitive }
  | { readonly kind: "named"; readonly name: string }
  | { readonly kind: "compact" | "vec" | "option" | "cow"; readonly of: TypeTree }
  | { readonly kind: "bounded"; readonly weak: boolean; readonly of: TypeTree; readonly max: number }
  | { readonly kind: "array"; readonly of: TypeTree; readonly length: number }
  | { readonly kind: "tuple"; readonly of: readonly TypeTree[] }
  | { readonly kind: "result"; readonly ok: TypeTree; readonly err: TypeTree };

const parsed = new Map<string, TypeTree>();

/** @throws Error on text that is not in the language: shapes are our own data, so that is a bug */
export function parseType(text: string): TypeTree {
  const known = parsed.get(text);
  if (known !== undefined) return known;
  const parser = new Parser(text);
  const tree = parser.type();
  parser.end();
  parsed.set(text, tree);
  return tree;
}

const wrappers: Record<string, (args: TypeTree[], max: number) => TypeTree> = {
  Compact: ([of]) => ({ kind: "compact", of: of! }),
  Vec: ([of]) => ({ kind: "vec", of: of! }),
  Option: ([of]) => ({ kind: "option", of: of! }),
  Cow: ([of]) => ({ kind: "cow", of: of! }),
  Result: ([ok, err]) => ({ kind: "result", ok: ok!, err: err! }),
  BoundedVec: ([of], max) => ({ kind: "bounded", weak: false, of: of!, max }),
  WeakBoundedVec: ([of], max) => ({ kind: "bounded", weak: true, of: of!, max }),
};

class Parser {
  private at = 0;

  constructor(private readonly text: string) {}

  type(): TypeTree {
    if (this.take("[")) return this.array();
    if (this.take("(")) return { kind: "tuple", of: this.list(")") };
    const name = this.match(/[A-Za-z_][A-Za-z0-9_]*/y);
    const wrap = wrappers[name];
    if (wrap === undefined) {
      const primitive = primitives.find((candidate) => candidate === name);
      return primitive === undefined ? { kind: "named", name } : { kind: "primitive", name: primitive };
    }
    this.expect("<");
    const args: TypeTree[] = [];
    let max = Number.POSITIVE_INFINITY;
    do {
      if (/\d/.test(this.peek())) max = Number(this.match(/\d+/y));
      else args.push(this.type());
    } while (this.take(","));
    this.expect(">");
    return wrap(args, max);
  }

  end(): void {
    this.space();
    if (this.at < this.text.length) this.fail();
  }

  private array(): TypeTree {
    const of = this.type();
    this.expect(";");
    const length = Number(this.match(/\d+/y));
    this.expect("]");
    return { kind: "array", of, length };
  }

  private list(close: string): TypeTree[] {
    const items: TypeTree[] = [];
    while (!this.take(close)) {
      items.push(this.type());
      this.take(",");
    }
    return items;
  }

  private space(): void {
    while (this.text[this.at] === " ") this.at += 1;
  }

  private peek(): string {
    this.space();
    return this.text[this.at] ?? "";
  }

  private take(token: string): boolean {
    if (this.peek() !== token) return false;
    this.at += 1;
    return true;
  }

  private expect(token: string): void {
    if (!this.take(token)) this.fail();
  }

  private match(form: RegExp): string {
    this.space();
    form.lastIndex = this.at;
    const found = form.exec(this.text)?.[0];
    if (found === undefined) return this.fail();
    this.at += found.length;
    return found;
  }

  private fail(): never {
    throw new Error(`not a type at ${this.at}: ${this.text}`);
  }
}
