import type { ApiPromise } from "@polkadot/api";
import { TCESS } from "../../src/index.js";

/** The named differences between runtimes that scenarios know of. All else must be the same everywhere. */
export interface Dialect {
  readonly specVersion: number;
  /** Who declares what name, in which territory. Up to spec 123 the file lies in a bucket as well. */
  brief(user: string, territoryName: string, fileName: string): Record<string, string>;
  /** Where a miner is reached: an endpoint, up to spec 123 a peer id of 38 bytes. */
  place(text: string): string;
  readonly updatePlace: { readonly call: string; readonly event: string };
  /** What a segment costs a territory where the network has the file already. Half of it up to spec 107. */
  readonly flashSegmentBytes: bigint;
  /** Deleting such a copy takes the full 96 MiB from a territory that used less. */
  readonly flashDeleteError: string | null;
  /** A reactivated territory has its whole space again; up to spec 125 nothing of it, until root mends that. */
  readonly reactivatesEmpty: boolean;
  /** A verdict by a worker that nobody knows. Up to spec 132 only the worker that a proof went to could judge it. */
  readonly unknownVerifierError: string;
  /** Up to spec 125 the files of an expired territory go, and stay on their owner's list. */
  readonly keepsHoldingsOfExpired: boolean;
  /** Storage entry of the key that TEE workers sign with, and its value for a given key. */
  readonly masterKey: { readonly item: string; value(publicKey: Uint8Array): Uint8Array };
}

const MiB = 1n << 20n;

export function dialectOf(api: ApiPromise): Dialect {
  const specVersion = api.runtimeVersion.specVersion.toNumber();
  const hasBuckets = api.query.fileBank?.bucket !== undefined;
  const hasPeerIds = api.tx.sminer?.updatePeerId !== undefined;
  const isHalfPrice = specVersion < 108;
  return {
    specVersion,
    brief: (user, territoryName, fileName) => ({
      user,
      fileName,
      territoryName,
      ...(hasBuckets ? { bucketName: "default" } : {}),
    }),
    place: (text) => (hasPeerIds ? `0x${Buffer.from(text.padEnd(38).slice(0, 38)).toString("hex")}` : text),
    updatePlace: hasPeerIds
      ? { call: "sminer.updatePeerId", event: "sminer.UpdatePeerId" }
      : { call: "sminer.updateEndpoint", event: "sminer.UpdateEndPoint" },
    flashSegmentBytes: (isHalfPrice ? 48n : 96n) * MiB,
    flashDeleteError: isHalfPrice ? "storageHandler.Overflow" : null,
    reactivatesEmpty: specVersion < 126,
    unknownVerifierError: specVersion < 133 ? "audit.NonExistentMission" : "audit.TeeNoPermission",
    keepsHoldingsOfExpired: specVersion < 126,
    masterKey:
      api.query.teeWorker?.masterPubkey === undefined
        ? { item: "teeWorker.masterKeyStatus", value: launched(api) }
        : { item: "teeWorker.masterPubkey", value: (publicKey) => publicKey },
  };
}

const launched = (api: ApiPromise) => (publicKey: Uint8Array) => {
  const { type } = api.query.teeWorker!.masterKeyStatus!.creator.meta;
  const status = { Launched: { pubkey: publicKey, holder: publicKey, launchedAt: [0, 0] } };
  return api.registry.createType(api.registry.createLookupType(type.asPlain), status).toU8a();
};

/** What a chain without a price gets: 30 tokens. */
export const defaultUnitPrice = 30n * TCESS;
