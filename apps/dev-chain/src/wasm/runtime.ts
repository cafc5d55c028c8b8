import { CodedError } from "@granary/primitives";
import { ExecutionFailed } from "../engine/engine.js";
import type { StateReader } from "../store/versioned-store.js";
import { codeOf } from "./blob.js";
import { hostFunctions, type Log } from "./host/index.js";
import { GuestMemory, Heap } from "./memory.js";
import { RuntimeState } from "./state.js";
import { type Exports, type Module, wasm } from "./web-assembly.js";

type Entry = (pointer: number, length: number) => bigint;

/** Enough for what runtimes announce as their least memory; it costs nothing until it is written. */
const initialPages = 1024;

interface Instance {
  readonly memory: GuestMemory;
  readonly exports: Exports;
  /** Memory below the heap as it was before the first call: data, and the empty stack. */
  readonly pristine: Uint8Array;
}

/**
 * A runtime that was compiled once and runs many calls. Every call finds memory as a new instance has it, so nothing
 * goes from one to the next but the state. After a trap the instance is thrown away: its stack pointer, which the host
 * cannot reach, stands anywhere.
 */
export class Runtime {
  private instance: Instance | undefined;
  /** Who is calling now: host functions work on its state. */
  private current: RuntimeState | undefined;
  private lastError = "";

  private constructor(
    private readonly module: Module,
    private readonly log: Log,
  ) {}

  /** @param code WebAssembly, not compressed */
  static compile(code: Uint8Array, log: Log): Runtime {
    return new Runtime(new wasm.Module(code), log);
  }

  /**
   * @param args in SCALE, one after the other
   * @throws ExecutionFailed where there is no such function or it traps
   */
  call(name: string, args: Uint8Array, state: RuntimeState): Uint8Array {
    this.instance ??= this.instantiate();
    const { memory, exports, pristine } = this.instance;
    const entry = exports[name];
    if (typeof entry !== "function") throw new ExecutionFailed(`Exported method ${name} is not found`);
    memory.heap.reset();
    memory.write(0, pristine);
    this.current = state;
    this.lastError = "";
    try {
      const packed = (entry as Entry)(memory.place(args), args.length);
      return memory.read(Number(packed & 0xffffffffn), Number(packed >> 32n));
    } catch (error) {
      this.instance = undefined;
      throw new ExecutionFailed(this.reasonOf(error), { cause: error });
    } finally {
      this.current = undefined;
    }
  }

  /** A panic says why in the log, and the trap that follows only that it was. */
  private reasonOf(error: unknown): string {
    if (error instanceof wasm.RuntimeError && this.lastError !== "") return this.lastError;
    return error instanceof Error ? error.message : String(error);
  }

  private instantiate(): Instance {
    const imported = new wasm.Memory({ initial: initialPages });
    const log: Log = (level, target, message) => {
      if (level === "error") this.lastError = message;
      this.log(level, target, message);
    };
    let memory: GuestMemory | undefined;
    const host = hostFunctions({
      memory: () => memory!,
      state: () => this.current!,
      log,
      versionOf: (code) => versionOf(code, this.log),
    });
    const wanted = wasm.Module.imports(this.module).filter(({ kind }) => kind === "function");
    const env: Record<string, unknown> = { memory: imported };
    for (const { name } of wanted) env[name] = host[name] ?? missing(name);
    const { exports } = new wasm.Instance(this.module, { env });
    const base = exports.__heap_base?.value;
    if (base === undefined)
      throw new CodedError("RUNTIME_UNREADABLE", "invalid", "the runtime does not say where its heap begins");
    memory = new GuestMemory(exports.memory ?? imported, new Heap(base));
    return { memory, exports, pristine: memory.read(0, base) };
  }
}

const nothing: StateReader = { get: () => undefined, keys: () => [], next: () => undefined };

export const emptyState = (): RuntimeState => new RuntimeState(nothing, () => undefined);

function versionOf(blob: Uint8Array, log: Log): Uint8Array | undefined {
  try {
    const runtime = Runtime.compile(codeOf(blob), log);
    return runtime.call("Core_version", new Uint8Array(), emptyState());
  } catch {
    return undefined;
  }
}

/** Runtimes import more than they call: what is missing is said when it is called. */
const missing = (name: string) => () => {
  throw new ExecutionFailed(`the host has no function ${name}`);
};
