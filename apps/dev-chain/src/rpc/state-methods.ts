import { blake2AsHex } from "@polkadot/util-crypto";
import { fromHex, type Hex, toHex } from "../engine/codec.js";
import { type Ground, metadataOf, type RuntimeVersion } from "../engine/engine.js";
import { lowerBound, type StateReader } from "../store/versioned-store.js";
import { invalidParams } from "./error.js";
import {
  groundAt,
  hexListParam,
  hexParam,
  type Methods,
  optionalHex,
  type RpcContext,
  unsubscriber,
} from "./method.js";

const keysPerPageMax = 1000;

const readHex = (state: StateReader, key: Hex): Hex | null => {
  const bytes = state.get(key);
  return bytes === undefined ? null : toHex(bytes);
};

export function stateMethods(context: RpcContext): Methods {
  const { chain } = context;
  const ground = (params: readonly unknown[], position: number): Ground =>
    groundAt(context, optionalHex(params, position, "block hash"));
  const at = (params: readonly unknown[], position: number): StateReader => ground(params, position).state;
  const bytesOf = (params: readonly unknown[]): Uint8Array | undefined => at(params, 1).get(hexParam(params, 0, "key"));

  const versionAt = (params: readonly unknown[]) => versionJson(chain.engine.version(at(params, 0)));

  return {
    state_getStorage: (params) => readHex(at(params, 1), hexParam(params, 0, "key")),
    state_getStorageHash: (params) => {
      const bytes = bytesOf(params);
      return bytes === undefined ? null : blake2AsHex(bytes, 256);
    },
    state_getStorageSize: (params) => bytesOf(params)?.length ?? null,
    state_getKeys: (params) => at(params, 1).keys(hexParam(params, 0, "prefix")),
    state_getPairs: (params) => {
      const state = at(params, 1);
      return state.keys(hexParam(params, 0, "prefix")).map((key) => [key, readHex(state, key)]);
    },
    state_getKeysPaged: (params) => {
      const count = params[1];
      if (typeof count !== "number" || count < 0) throw invalidParams("count must be a number");
      const start = optionalHex(params, 2, "start key");
      const keys = at(params, 3).keys(hexParam(params, 0, "prefix"));
      let from = start === undefined ? 0 : lowerBound(keys, start);
      if (keys[from] === start) from += 1;
      return keys.slice(from, from + Math.min(count, keysPerPageMax));
    },
    state_queryStorageAt: (params) => {
      const state = at(params, 1);
      const block = optionalHex(params, 1, "block hash") ?? chain.head.hash;
      return [{ block, changes: hexListParam(params, 0, "keys").map((key) => [key, readHex(state, key)]) }];
    },
    state_subscribeStorage: (params, caller) => {
      const keys = hexListParam(params, 0, "keys");
      const wanted = new Set(keys);
      const changesOf = (changed: readonly Hex[]) => changed.map((key) => [key, readHex(chain.store, key)]);
      return caller.subscribe("state_storage", (notify) => {
        notify({ block: chain.head.hash, changes: changesOf(keys) });
        return chain.onHead((block, changed) => {
          const ours = changed.filter((key) => wanted.has(key));
          if (ours.length > 0) notify({ block: block.hash, changes: changesOf(ours) });
        });
      });
    },
    state_unsubscribeStorage: unsubscriber,
    state_getMetadata: (params) => toHex(metadataOf(chain.engine, ground(params, 0))),
    state_getRuntimeVersion: versionAt,
    state_subscribeRuntimeVersion: (_, caller) =>
      caller.subscribe("state_runtimeVersion", (notify) => {
        let told = versionJson(chain.engine.version(chain.store));
        notify(told);
        return chain.onHead(() => {
          const version = versionJson(chain.engine.version(chain.store));
          if (JSON.stringify(version) === JSON.stringify(told)) return;
          told = version;
          notify(told);
        });
      }),
    state_unsubscribeRuntimeVersion: unsubscriber,
    state_call: (params) => {
      const name = params[0];
      if (typeof name !== "string") throw invalidParams("method must be a text");
      return toHex(chain.engine.call(ground(params, 2), name, fromHex(hexParam(params, 1, "data"))));
    },
    chain_getRuntimeVersion: versionAt,
  };
}

/** The version of the state's form is told under its newer and its older name, as nodes do. */
const versionJson = (version: RuntimeVersion) => ({ ...version, stateVersion: version.systemVersion });
