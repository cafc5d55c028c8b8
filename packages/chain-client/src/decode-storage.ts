import type { AccountId, Fid, FragmentHash, SegmentHash } from "@granary/primitives";
import type { Codec } from "@polkadot/types/types";
import { base58Encode } from "@polkadot/util-crypto";
import {
  accountFrom,
  bigOf,
  booleanOf,
  bytesOf,
  digestFrom,
  digestOrNull,
  fieldOf,
  listOf,
  numberOf,
  optionalFieldOf,
  optionOf,
  territoryNameOf,
  textOf,
  variantOf,
} from "./codec.js";
import { addressIn } from "./peer-id.js";
import { shapeUnknown } from "./runtime.js";
import type { ChainFile, Consignment, Deal, FileOwner, Holding, Miner, Territory, TerritoryState } from "./types.js";

const territoryStates: Readonly<Record<string, TerritoryState>> = {
  Active: "active",
  Frozen: "frozen",
  Expired: "expired",
  OnConsignment: "on-consignment",
};

export function territoryFrom(account: AccountId, name: string, value: Codec): Territory {
  const state = territoryStates[variantOf(fieldOf(value, "state")).name];
  if (state === undefined) throw shapeUnknown("the state of a territory");
  return {
    account,
    name,
    token: fieldOf(value, "token").toHex(),
    state,
    totalBytes: numberOf(fieldOf(value, "total_space")),
    usedBytes: numberOf(fieldOf(value, "used_space")),
    lockedBytes: numberOf(fieldOf(value, "locked_space")),
    remainingBytes: numberOf(fieldOf(value, "remaining_space")),
    startBlock: numberOf(fieldOf(value, "start")),
    deadlineBlock: numberOf(fieldOf(value, "deadline")),
  };
}

export function consignmentFrom(token: string, value: Codec): Consignment {
  const buyer = optionOf(fieldOf(value, "buyers"));
  const block = optionOf(fieldOf(value, "exec"));
  return {
    token,
    seller: accountFrom(fieldOf(value, "user")),
    price: bigOf(fieldOf(value, "price")),
    sold: buyer === null || block === null ? null : { buyer: accountFrom(buyer), block: numberOf(block) },
  };
}

/** Old runtimes name a bucket besides; it means nothing to us. */
const ownerFrom = (brief: Codec): FileOwner => ({
  account: accountFrom(fieldOf(brief, "user")),
  territory: territoryNameOf(fieldOf(brief, "territory_name")),
  name: textOf(fieldOf(brief, "file_name")),
});

export function dealFrom(fid: Fid, value: Codec): Deal {
  return {
    fid,
    owner: ownerFrom(fieldOf(value, "user")),
    sizeBytes: numberOf(fieldOf(value, "file_size")),
    segments: listOf(fieldOf(value, "segment_list")).map((segment) => ({
      hash: digestFrom<SegmentHash>(fieldOf(segment, "hash")),
      fragments: listOf(fieldOf(segment, "fragment_list")).map((hash) => digestFrom<FragmentHash>(hash)),
    })),
    reports: listOf(fieldOf(value, "complete_list")).map((entry) => ({
      index: numberOf(fieldOf(entry, "index")),
      miner: accountFrom(fieldOf(entry, "miner")),
    })),
  };
}

const fileStates: Readonly<Record<string, ChainFile["state"]>> = {
  Active: "active",
  Calculate: "calculate",
  Missing: "missing",
  Recovery: "recovery",
};

export function fileFrom(fid: Fid, value: Codec): ChainFile {
  const state = fileStates[variantOf(fieldOf(value, "stat")).name];
  if (state === undefined) throw shapeUnknown("the state of a file");
  return {
    fid,
    state,
    sizeBytes: numberOf(fieldOf(value, "file_size")),
    completedBlock: numberOf(fieldOf(value, "completion")),
    owners: listOf(fieldOf(value, "owner")).map(ownerFrom),
    segments: listOf(fieldOf(value, "segment_list")).map((segment) => ({
      hash: digestFrom<SegmentHash>(fieldOf(segment, "hash")),
      fragments: listOf(fieldOf(segment, "fragment_list")).map(fragmentFrom),
    })),
  };
}

function fragmentFrom(value: Codec): ChainFile["segments"][number]["fragments"][number] {
  const tag = optionOf(fieldOf(value, "tag"));
  return {
    hash: digestFrom<FragmentHash>(fieldOf(value, "hash")),
    miner: accountFrom(fieldOf(value, "miner")),
    isAvailable: booleanOf(fieldOf(value, "avail")),
    taggedBlock: tag === null ? null : numberOf(tag),
  };
}

/** Of a miner that is known by its peer id alone the id, as people write it: nothing dials that. */
const addressOf = (peerId: Uint8Array): string => addressIn(peerId) ?? base58Encode(peerId);

export function minerFrom(account: AccountId, value: Codec): Miner {
  const endpoint = optionalFieldOf(value, "endpoint");
  return {
    account,
    state: textOf(fieldOf(value, "state")),
    endpoint: endpoint === undefined ? addressOf(bytesOf(fieldOf(value, "peer_id"))) : textOf(endpoint),
    beneficiary: accountFrom(fieldOf(value, "beneficiary")),
    collateral: bigOf(fieldOf(value, "collaterals")),
    debt: bigOf(fieldOf(value, "debt")),
    declaredBytes: numberOf(fieldOf(value, "declaration_space")),
    idleBytes: numberOf(fieldOf(value, "idle_space")),
    serviceBytes: numberOf(fieldOf(value, "service_space")),
    lockedBytes: numberOf(fieldOf(value, "lock_space")),
  };
}

/** Entries whose hash is no FID are left out: nothing could be asked about them. */
export function holdingsFrom(value: Codec): readonly Holding[] {
  return listOf(value).flatMap((entry) => {
    const fid = digestOrNull<Fid>(fieldOf(entry, "file_hash"));
    if (fid === null) return [];
    return [
      {
        territory: territoryNameOf(fieldOf(entry, "territory_name")),
        fid,
        occupiedBytes: numberOf(fieldOf(entry, "file_size")),
      },
    ];
  });
}
