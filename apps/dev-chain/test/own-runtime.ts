import wabt from "wabt";
import { Writer } from "../src/engine/scale.js";
import type { Log } from "../src/wasm/host/index.js";
import { Runtime } from "../src/wasm/runtime.js";
import type { RuntimeState } from "../src/wasm/state.js";

/**
 * A runtime of our own, for tests: for every host function an entry of the same name, which calls it with the words
 * that its arguments begin with, and answers with what it gave.
 */
type Word = "span" | "pointer" | "u32" | "u64";
type Result = "span" | "hash64" | "hash128" | "hash256" | "hash512" | "u32" | "nothing";
interface Signature {
  readonly takes: readonly Word[];
  readonly gives: Result;
}

const signature = (text: string): Signature => {
  const [takes, gives] = text.split("->") as [string, string];
  return { takes: takes.split(" ").filter(Boolean) as Word[], gives: gives.trim() as Result };
};

const signatures: Readonly<Record<string, Signature>> = Object.fromEntries(
  Object.entries({
    ext_storage_get_version_1: "span -> span",
    ext_storage_set_version_1: "span span -> nothing",
    ext_storage_clear_version_1: "span -> nothing",
    ext_storage_exists_version_1: "span -> u32",
    ext_storage_read_version_1: "span span u32 -> span",
    ext_storage_append_version_1: "span span -> nothing",
    ext_storage_next_key_version_1: "span -> span",
    ext_storage_clear_prefix_version_2: "span span -> span",
    ext_storage_root_version_2: "u32 -> span",
    ext_storage_start_transaction_version_1: "-> nothing",
    ext_storage_commit_transaction_version_1: "-> nothing",
    ext_storage_rollback_transaction_version_1: "-> nothing",
    ext_default_child_storage_get_version_1: "span span -> span",
    ext_default_child_storage_set_version_1: "span span span -> nothing",
    ext_default_child_storage_clear_version_1: "span span -> nothing",
    ext_default_child_storage_next_key_version_1: "span span -> span",
    ext_default_child_storage_storage_kill_version_3: "span span -> span",
    ext_default_child_storage_root_version_2: "span u32 -> span",
    ext_hashing_blake2_128_version_1: "span -> hash128",
    ext_hashing_blake2_256_version_1: "span -> hash256",
    ext_hashing_keccak_256_version_1: "span -> hash256",
    ext_hashing_keccak_512_version_1: "span -> hash512",
    ext_hashing_sha2_256_version_1: "span -> hash256",
    ext_hashing_twox_64_version_1: "span -> hash64",
    ext_hashing_twox_128_version_1: "span -> hash128",
    ext_hashing_twox_256_version_1: "span -> hash256",
    ext_crypto_ed25519_verify_version_1: "pointer span pointer -> u32",
    ext_crypto_sr25519_verify_version_2: "pointer span pointer -> u32",
    ext_crypto_ecdsa_verify_version_2: "pointer span pointer -> u32",
    ext_crypto_secp256k1_ecdsa_recover_version_2: "pointer pointer -> span",
    ext_crypto_secp256k1_ecdsa_recover_compressed_version_2: "pointer pointer -> span",
    ext_crypto_sr25519_public_keys_version_1: "pointer -> span",
    ext_logging_log_version_1: "u32 span span -> nothing",
    ext_logging_max_level_version_1: "-> u32",
    ext_misc_print_num_version_1: "u64 -> nothing",
    ext_misc_print_utf8_version_1: "span -> nothing",
    ext_misc_print_hex_version_1: "span -> nothing",
    ext_misc_runtime_version_version_1: "span -> span",
    ext_trie_blake2_256_ordered_root_version_2: "span u32 -> hash256",
    ext_offchain_index_set_version_1: "span span -> nothing",
    ext_transaction_index_index_version_1: "u32 u32 pointer -> nothing",
    ext_offchain_timestamp_version_1: "-> nothing",
  }).map(([name, text]) => [name, signature(text)] as const),
);

const wasmType = (word: Word): string => (word === "span" || word === "u64" ? "i64" : "i32");
const resultType = ({ gives }: Signature): string =>
  gives === "nothing" ? "" : `(result ${gives === "span" ? "i64" : "i32"})`;
const hashBytes: Readonly<Record<string, number>> = { hash64: 8, hash128: 16, hash256: 32, hash512: 64 };

const word = (kind: Word, i: number): string => {
  const load = `(i64.load offset=${8 * i} (local.get $args))`;
  // Where the bytes are is said from the arguments on.
  if (kind === "span") return `(i64.add ${load} (i64.extend_i32_u (local.get $args)))`;
  if (kind === "pointer") return `(i32.add (i32.wrap_i64 ${load}) (local.get $args))`;
  return kind === "u64" ? load : `(i32.wrap_i64 ${load})`;
};

const packed = (pointer: string, length: number): string =>
  `(i64.or (i64.extend_i32_u ${pointer}) (i64.const ${BigInt(length) << 32n}))`;

function entry(name: string, { takes, gives }: Signature): string {
  const call = `(call $${name} ${takes.map(word).join(" ")})`;
  const answer = {
    span: call,
    nothing: `${call} (i64.const 0)`,
    u32: `(i32.store (i32.const 16) ${call}) ${packed("(i32.const 16)", 4)}`,
  }[gives as string];
  return `(func (export "${name}") (param $args i32) (param $length i32) (result i64)
    ${answer ?? packed(call, hashBytes[gives]!)})`;
}

/** Its stack pointer is spoilt when it traps, as a real runtime's is. */
const program = `(module
  (import "env" "memory" (memory 1))
  (import "env" "ext_allocator_malloc_version_1" (func $malloc (param i32) (result i32)))
  (import "env" "ext_allocator_free_version_1" (func $free (param i32)))
  ${Object.entries(signatures)
    .map(([name, shape]) => {
      const params = shape.takes.map((kind) => `(param ${wasmType(kind)})`).join(" ");
      return `(import "env" "${name}" (func $${name} ${params} ${resultType(shape)}))`;
    })
    .join("\n")}
  (global (export "__heap_base") i32 (i32.const 4096))
  (global $stack (mut i32) (i32.const 2048))
  (data (i32.const 1024) "\\07\\00\\00\\00")
  ${Object.entries(signatures)
    .map(([name, shape]) => entry(name, shape))
    .join("\n")}
  (func (export "Core_version") (param i32 i32) (result i64) ${packed("(i32.const 1024)", 4)})
  (func (export "echo") (param $args i32) (param $length i32) (result i64)
    (i64.or (i64.extend_i32_u (local.get $args)) (i64.shl (i64.extend_i32_u (local.get $length)) (i64.const 32))))
  (func (export "read_eight") (param $args i32) (param i32) (result i64)
    (drop (call $ext_storage_read_version_1 ${word("span", 0)} (i64.const ${(8n << 32n) | 512n}) ${word("u32", 1)}))
    ${packed("(i32.const 512)", 8)})
  (func (export "count") (param i32 i32) (result i64)
    (i32.store (i32.const 1024) (i32.add (i32.const 1) (i32.load (i32.const 1024))))
    ${packed("(i32.const 1024)", 4)})
  (func (export "stack") (param i32 i32) (result i64)
    (i32.store (i32.const 16) (global.get $stack)) ${packed("(i32.const 16)", 4)})
  (func (export "trap") (param i32 i32) (result i64)
    (global.set $stack (i32.const 1)) (unreachable))
  (func (export "log_and_trap") (param $args i32) (param $length i32) (result i64)
    (call $ext_logging_log_version_1 (i32.const 1) ${word("span", 0)} ${word("span", 1)}) (unreachable))
  (func (export "malloc_twice") (param $args i32) (param i32) (result i64) (local $first i32)
    (local.set $first (call $malloc (i32.load (local.get $args))))
    (call $free (local.get $first))
    (i32.store (i32.const 16) (local.get $first))
    (i32.store (i32.const 20) (call $malloc (i32.load (local.get $args))))
    ${packed("(i32.const 16)", 8)})
  (func (export "malloc_apart") (param $args i32) (param i32) (result i64)
    (i32.store (i32.const 16) (call $malloc (i32.load (local.get $args))))
    (i32.store (i32.const 20) (call $malloc (i32.load (local.get $args))))
    ${packed("(i32.const 16)", 8)})
  (func (export "free") (param $args i32) (param i32) (result i64)
    (call $free (i32.load (local.get $args))) (i64.const 0)))`;

let assembled: Promise<Uint8Array> | undefined;

/** The module as nodes would find it under `:code`. */
export function ownCode(): Promise<Uint8Array> {
  assembled ??= wabt().then((tools) => {
    const module = tools.parseWat("own.wat", program);
    return module.toBinary({}).buffer;
  });
  return assembled;
}

/** Words, then the bytes that spans and pointers among them mean. */
export function argumentsOf(name: string, values: readonly (Uint8Array | number | bigint)[]): Uint8Array {
  const words = new Writer();
  const tail: Uint8Array[] = [];
  let at = 8 * values.length;
  for (const value of values) {
    if (value instanceof Uint8Array) {
      words.u64((BigInt(value.length) << 32n) | BigInt(at));
      tail.push(value);
      at += value.length;
    } else words.u64(BigInt(value));
  }
  if (signatures[name] !== undefined && signatures[name].takes.length !== values.length) {
    throw new Error(`${name} takes ${signatures[name].takes.length} arguments`);
  }
  return Buffer.concat([words.finish(), ...tail]);
}

export class OwnRuntime {
  private constructor(
    private readonly runtime: Runtime,
    readonly state: RuntimeState,
  ) {}

  static async on(state: RuntimeState, log: Log = () => undefined): Promise<OwnRuntime> {
    return new OwnRuntime(Runtime.compile(await ownCode(), log), state);
  }

  call(name: string, ...values: readonly (Uint8Array | number | bigint)[]): Uint8Array {
    return this.runtime.call(name, argumentsOf(name, values), this.state);
  }

  /** As `call`, where the answer is a 32-bit number. */
  number(name: string, ...values: readonly (Uint8Array | number | bigint)[]): number {
    return Buffer.from(this.call(name, ...values)).readUInt32LE(0);
  }

  raw(name: string, args: Uint8Array): Uint8Array {
    return this.runtime.call(name, args, this.state);
  }
}
