import { encode } from "../../engine/codec.js";
import { Reader } from "../../engine/scale.js";
import { bytesIn, type Guest, give, giveOption, type HostFunctions, lengthOf, pointerOf } from "./guest.js";

export function storageFunctions(guest: Guest): HostFunctions {
  const bytes = (span: bigint) => bytesIn(guest, span);
  return {
    ext_storage_get_version_1: (key: bigint) => giveOption(guest, guest.state().get(bytes(key))),
    ext_storage_set_version_1: (key: bigint, value: bigint) => guest.state().put(bytes(key), bytes(value)),
    ext_storage_clear_version_1: (key: bigint) => guest.state().remove(bytes(key)),
    ext_storage_exists_version_1: (key: bigint) => (guest.state().get(bytes(key)) === undefined ? 0 : 1),
    ext_storage_read_version_1: (key: bigint, out: bigint, offset: number) =>
      readInto(guest, guest.state().get(bytes(key)), out, offset),
    ext_storage_append_version_1: (key: bigint, item: bigint) => guest.state().append(bytes(key), bytes(item)),
    ext_storage_next_key_version_1: (key: bigint) => giveOption(guest, guest.state().nextKey(bytes(key))),
    ext_storage_clear_prefix_version_1: (prefix: bigint) => void guest.state().clearPrefix(bytes(prefix)),
    ext_storage_clear_prefix_version_2: (prefix: bigint, limit: bigint) =>
      give(guest, cleared(guest.state().clearPrefix(bytes(prefix), limitIn(bytes(limit))))),
    ext_storage_root_version_1: () => give(guest, guest.state().root(0)),
    ext_storage_root_version_2: (version: number) => give(guest, guest.state().root(version)),
    ext_storage_start_transaction_version_1: () => guest.state().begin(),
    ext_storage_commit_transaction_version_1: () => guest.state().commit(),
    ext_storage_rollback_transaction_version_1: () => guest.state().rollback(),
  };
}

/** State of its own under a name, as contracts and crowdloans have it. */
export function childStorageFunctions(guest: Guest): HostFunctions {
  const bytes = (span: bigint) => bytesIn(guest, span);
  const child = (name: bigint) => guest.state().child(bytes(name));
  return {
    ext_default_child_storage_get_version_1: (name: bigint, key: bigint) =>
      giveOption(guest, child(name).get(bytes(key))),
    ext_default_child_storage_set_version_1: (name: bigint, key: bigint, value: bigint) =>
      child(name).put(bytes(key), bytes(value)),
    ext_default_child_storage_clear_version_1: (name: bigint, key: bigint) => child(name).remove(bytes(key)),
    ext_default_child_storage_exists_version_1: (name: bigint, key: bigint) =>
      child(name).get(bytes(key)) === undefined ? 0 : 1,
    ext_default_child_storage_read_version_1: (name: bigint, key: bigint, out: bigint, offset: number) =>
      readInto(guest, child(name).get(bytes(key)), out, offset),
    ext_default_child_storage_next_key_version_1: (name: bigint, key: bigint) =>
      giveOption(guest, child(name).nextKey(bytes(key))),
    ext_default_child_storage_clear_prefix_version_2: (name: bigint, prefix: bigint, limit: bigint) =>
      give(guest, cleared(child(name).clearPrefix(bytes(prefix), limitIn(bytes(limit))))),
    ext_default_child_storage_storage_kill_version_3: (name: bigint, limit: bigint) =>
      give(guest, cleared(child(name).clearPrefix(new Uint8Array(), limitIn(bytes(limit))))),
    ext_default_child_storage_root_version_2: (name: bigint, version: number) => give(guest, child(name).root(version)),
  };
}

/** Copies what fits. @returns `Option<u32>`: how long the value is from the offset on */
function readInto(guest: Guest, value: Uint8Array | undefined, out: bigint, offset: number): bigint {
  if (value === undefined) return give(guest, encode("Option<u32>", null));
  const rest = value.subarray(Math.min(offset >>> 0, value.length));
  guest.memory().write(pointerOf(out), rest.subarray(0, lengthOf(out)));
  return give(guest, encode("Option<u32>", rest.length));
}

const limitIn = (bytes: Uint8Array): number => {
  const reader = new Reader(bytes);
  return reader.u8() === 0 ? Number.POSITIVE_INFINITY : reader.u32();
};

/** `KillStorageResult` */
const cleared = ({ removed, isDone }: { removed: number; isDone: boolean }): Uint8Array =>
  Uint8Array.of(isDone ? 0 : 1, ...encode("u32", removed));
