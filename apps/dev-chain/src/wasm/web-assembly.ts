/** As much of WebAssembly's JavaScript API as hosting a runtime takes: the types of Node and ES have none of it. */
export interface Memory {
  readonly buffer: ArrayBuffer;
  grow(pages: number): number;
}
export interface Module {
  /** Nothing else is a module. */
  readonly [Symbol.toStringTag]: "WebAssembly.Module";
}
export interface Exports {
  readonly memory?: Memory;
  readonly __heap_base?: { readonly value: number };
  readonly [name: string]: unknown;
}
interface Described {
  readonly name: string;
  readonly kind: "function" | "table" | "memory" | "global" | "tag";
}
interface WasmApi {
  readonly Module: {
    new (code: Uint8Array): Module;
    imports(module: Module): readonly (Described & { readonly module: string })[];
    exports(module: Module): readonly Described[];
  };
  readonly Instance: new (
    module: Module,
    imports: Readonly<Record<string, Readonly<Record<string, unknown>>>>,
  ) => { readonly exports: Exports };
  readonly Memory: new (limits: { readonly initial: number }) => Memory;
  /** A trap. */
  readonly RuntimeError: new (
    message?: string,
  ) => Error;
}

export const wasm = (globalThis as unknown as { readonly WebAssembly: WasmApi }).WebAssembly;
