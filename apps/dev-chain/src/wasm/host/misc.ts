import { Reader } from "../../engine/scale.js";
import { orderedRoot } from "../trie.js";
import { bytesIn, type Guest, giveOption, type HostFunctions, type Level } from "./guest.js";

export const allocatorFunctions = (guest: Guest): HostFunctions => ({
  ext_allocator_malloc_version_1: (size: number) => guest.memory().malloc(size),
  ext_allocator_free_version_1: (pointer: number) => guest.memory().free(pointer),
});

const levels: readonly Level[] = ["error", "warn", "info", "debug", "trace"];
/** Runtimes count levels from one. */
const maxLevel = levels.indexOf("info") + 1;

export function loggingFunctions(guest: Guest): HostFunctions {
  const text = (span: bigint) => Buffer.from(bytesIn(guest, span)).toString("utf8");
  return {
    ext_logging_log_version_1: (level: number, target: bigint, message: bigint) =>
      guest.log(levels[level - 1] ?? "trace", text(target), text(message)),
    ext_logging_max_level_version_1: () => maxLevel,
    ext_misc_print_num_version_1: (value: bigint) => guest.log("debug", "runtime", String(BigInt.asUintN(64, value))),
    ext_misc_print_utf8_version_1: (message: bigint) => guest.log("debug", "runtime", text(message)),
    ext_misc_print_hex_version_1: (data: bigint) =>
      guest.log("debug", "runtime", Buffer.from(bytesIn(guest, data)).toString("hex")),
    ext_panic_handler_abort_on_panic_version_1: (message: bigint) => {
      throw new Error(text(message));
    },
  };
}

export function trieFunctions(guest: Guest): HostFunctions {
  const ordered = (data: bigint, version: number) =>
    guest.memory().place(orderedRoot(listIn(bytesIn(guest, data)), version));
  return {
    ext_trie_blake2_256_ordered_root_version_1: (data: bigint) => ordered(data, 0),
    ext_trie_blake2_256_ordered_root_version_2: ordered,
  };
}

function listIn(bytes: Uint8Array): Uint8Array[] {
  const reader = new Reader(bytes);
  return Array.from({ length: reader.count(1) }, () => reader.take(reader.count(1)));
}

/**
 * Around the chain's state: a runtime's own version, and what nodes keep beside the state. This host has no database
 * for off-chain workers and none of indexed transactions, so what a block puts there is dropped; reading it back, like
 * all else that only an off-chain worker asks for, is no function of this host.
 */
export const nodeFunctions = (guest: Guest): HostFunctions => ({
  ext_misc_runtime_version_version_1: (code: bigint) => giveOption(guest, guest.versionOf(bytesIn(guest, code))),
  ext_offchain_index_set_version_1: () => undefined,
  ext_offchain_index_clear_version_1: () => undefined,
  ext_transaction_index_index_version_1: () => undefined,
  ext_transaction_index_renew_version_1: () => undefined,
});
