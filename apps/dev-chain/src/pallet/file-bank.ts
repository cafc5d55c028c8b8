import { encode, type Hex, hexLength } from "../engine/codec.js";
import { type Context, ensure, ensureRoot, fail, handler, type Pallet, signer } from "../engine/dispatch.js";
import { ensureAttested, ensureOnDuty, noteWork } from "./attestation.js";
import {
  clearExpired,
  columnBytes,
  type Deal,
  deals,
  deleteFile,
  dropDeal,
  fileOf,
  files,
  fragmentCount,
  hold,
  holdings,
  occupiedBytes,
  pallet,
  type SegmentList,
  type UserBrief,
} from "./file-store.js";
import {
  certifyIdleSpace,
  fragmentBytes,
  lockMinerSpace,
  minerOf,
  pendingReplacements,
  replaceIdleSpace,
  type SpaceProofInfo,
  serveMinerSpace,
  signature64,
  stateOf,
} from "./miner.js";
import { mayActFor } from "./oss.js";
import { restoralCalls } from "./restoral.js";
import { creditWork } from "./scheduler-credit.js";
import { add, freeSpace, lockSpace, settleLock, territories, totalIdle, totalService, useSpace } from "./territory.js";

const nameBytesMin = 3;

interface Declaration {
  readonly fileHash: Hex;
  readonly dealInfo: readonly SegmentList[];
  readonly userBrief: UserBrief;
  readonly fileSize: bigint;
}

/**
 * Opens a deal, or where the network has the file already, makes the user one more owner of it: then what the call
 * says of segments and size is not looked at. An open deal of the same hash is replaced, whoever's it was, and what
 * was locked for it is not given back.
 */
function declare(context: Context, { fileHash, dealInfo, userBrief, fileSize }: Declaration): void {
  const operator = signer(context);
  ensure(mayActFor(context, operator, userBrief.user), pallet, "NoPermission");
  const isWellFormed = dealInfo.every(({ fragmentList }) => fragmentList.length === fragmentCount);
  ensure(isWellFormed && hexLength(userBrief.fileName) >= nameBytesMin, pallet, "SpecError");
  const { user, territoryName } = userBrief;
  const file = files.find(context.state, fileHash);
  if (file === undefined) {
    lockSpace(context, user, territoryName, occupiedBytes(dealInfo.length));
    deals.put(context.state, fileHash, { fileSize, segmentList: dealInfo, user: userBrief, completeList: [] });
  } else {
    const isHeld = file.owner.some((owner) => owner.user === user && owner.territoryName === territoryName);
    ensure(!isHeld, pallet, "Existed");
    const space = occupiedBytes(file.segmentList.length);
    useSpace(context, user, territoryName, space);
    files.put(context.state, fileHash, { ...file, owner: [...file.owner, userBrief] });
    hold(context, user, { territoryName, fileHash, fileSize: space });
  }
  context.emit(pallet, "UploadDeclaration", { operator, owner: user, dealHash: fileHash });
}

/** A miner has column `index` of the deal. The last of the twelve makes the deal a file. */
function report(context: Context, index: number, dealHash: Hex): void {
  const acc = signer(context);
  ensure(index >= 1 && index <= fragmentCount, pallet, "SpecError");
  ensure(stateOf(minerOf(context, acc)) === "positive", pallet, "MinerStateError");
  const deal = deals.find(context.state, dealHash) ?? fail(pallet, "NonExistent");
  const isTaken = deal.completeList.some((done) => done.index === index || done.miner === acc);
  ensure(!isTaken, pallet, "Existed");
  const territory = territories.find(context.state, deal.user.user, deal.user.territoryName);
  if (territory === undefined || territory.state === "Expired") {
    dropDeal(context, dealHash, deal);
    return;
  }
  lockMinerSpace(context, acc, columnBytes(deal.segmentList.length));
  const done = { ...deal, completeList: [...deal.completeList, { index, miner: acc }] };
  if (done.completeList.length === fragmentCount) complete(context, dealHash, done);
  else deals.put(context.state, dealHash, done);
  context.emit(pallet, "TransferReport", { acc, dealHash });
}

function complete(context: Context, fileHash: Hex, deal: Deal): void {
  const segments = deal.segmentList.length;
  const space = occupiedBytes(segments);
  const { user, territoryName } = deal.user;
  const minerOfColumn = new Map(deal.completeList.map(({ index, miner }) => [index, miner]));
  files.put(context.state, fileHash, {
    segmentList: deal.segmentList.map(({ hash, fragmentList }) => ({
      hash,
      fragmentList: fragmentList.map((fragment, column) => ({
        hash: fragment,
        avail: true,
        tag: null,
        miner: minerOfColumn.get(column + 1)!,
      })),
    })),
    owner: [deal.user],
    fileSize: deal.fileSize,
    completion: context.block,
    stat: "Active",
  });
  settleLock(context, user, territoryName, space);
  add(context, totalIdle, -space);
  add(context, totalService, space);
  for (const { miner } of deal.completeList) {
    const pending = pendingReplacements.get(context.state, miner);
    pendingReplacements.put(context.state, miner, pending + columnBytes(segments));
  }
  hold(context, user, { territoryName, fileHash, fileSize: space });
  deals.remove(context.state, fileHash);
  context.emit(pallet, "StorageCompleted", { fileHash });
}

interface TagReport {
  readonly teeSig: Hex;
  readonly tagSigInfo: {
    readonly miner: Hex;
    readonly digest: readonly { readonly fragment: Hex; readonly teePuk: Hex }[];
    readonly fileHash: Hex;
  };
}

/** The miner's fragments of a file are tagged: what it locked for them serves now. */
function tag(context: Context, { teeSig, tagSigInfo }: TagReport): void {
  const { miner, digest, fileHash } = tagSigInfo;
  const taggers = digest.map(({ teePuk }) => teePuk);
  ensureAttested(context, pallet, taggers, encode("TagSigInfo", tagSigInfo), teeSig);
  ensure(signer(context) === miner, pallet, "MinerError");
  for (const tagger of taggers) ensureOnDuty(context, pallet, tagger, "tag");
  const file = fileOf(context, fileHash);
  const fresh = file.segmentList
    .flatMap(({ fragmentList }) => fragmentList)
    .filter((fragment) => fragment.miner === miner && fragment.tag === null);
  const attested = countOf(digest.map(({ fragment }) => fragment));
  for (const [hash, count] of countOf(fresh.map((fragment) => fragment.hash))) {
    ensure(attested.get(hash) === count, pallet, "DigestError");
  }
  for (const fragment of fresh) fragment.tag = context.block;
  serveMinerSpace(
    context,
    miner,
    fresh.map((fragment) => fragment.hash),
  );
  files.put(context.state, fileHash, file);
  for (const [tagger, count] of countOf(taggers)) {
    creditWork(context, tagger, "tag", BigInt(count) * fragmentBytes);
    noteWork(context, tagger);
  }
  context.emit(pallet, "CalculateReport", { miner, fileHash });
}

const countOf = (items: readonly Hex[]): Map<Hex, number> => {
  const counts = new Map<Hex, number>();
  for (const item of items) counts.set(item, (counts.get(item) ?? 0) + 1);
  return counts;
};

/** Moves a file of an owner to another territory of the same owner. */
function deliver(context: Context, user: Hex, fileHash: Hex, target: Hex): void {
  ensure(mayActFor(context, signer(context), user), pallet, "NoPermission");
  const file = fileOf(context, fileHash);
  const place = file.owner.findIndex((owner) => owner.user === user);
  const entry = file.owner[place] ?? fail(pallet, "NotOwner");
  ensure(!file.owner.some((owner) => owner.user === user && owner.territoryName === target), pallet, "Existed");
  const space = occupiedBytes(file.segmentList.length);
  useSpace(context, user, target, space);
  freeSpace(context, user, entry.territoryName, space);
  file.owner[place] = { ...entry, territoryName: target };
  files.put(context.state, fileHash, file);
  const isMoved = (holding: { fileHash: Hex; territoryName: Hex }): boolean =>
    holding.fileHash === fileHash && holding.territoryName === entry.territoryName;
  const held = holdings.get(context.state, user);
  holdings.put(
    context.state,
    user,
    held.map((holding) => (isMoved(holding) ? { ...holding, territoryName: target } : holding)),
  );
  context.emit(pallet, "TerritoryFileDelivery", { fileHash, newTerritory: target });
}

interface IdleProof {
  readonly idleSigInfo: SpaceProofInfo;
  readonly teeSigNeedVerify: Hex;
  readonly teeSig: Hex;
  readonly teePuk: Hex;
}

function ensureAttestedProof(context: Context, { idleSigInfo, teeSigNeedVerify, teePuk }: IdleProof): Hex {
  const acc = signer(context);
  ensureOnDuty(context, pallet, teePuk, "certify");
  const attested = encode("(SpaceProofInfo, [u8; 32])", [idleSigInfo, teePuk]);
  ensureAttested(context, pallet, [teePuk], attested, teeSigNeedVerify);
  // The real chain leaves this to the worker that signs, and development has none.
  ensure(idleSigInfo.miner === acc, pallet, "MinerError");
  noteWork(context, teePuk);
  return acc;
}

export const fileBank: Pallet = {
  name: pallet,
  initialize: clearExpired,
  calls: {
    ...restoralCalls,
    upload_declaration: handler(declare),
    transfer_report: handler((context, { index, dealHash }: { index: number; dealHash: Hex }) =>
      report(context, index, dealHash),
    ),
    calculate_report: handler(tag),
    territory_file_delivery: handler((context, args: { user: Hex; fileHash: Hex; targetTerritory: Hex }) =>
      deliver(context, args.user, args.fileHash, args.targetTerritory),
    ),
    delete_file: handler((context, { owner, fileHash }: { owner: Hex; fileHash: Hex }) => {
      const operator = signer(context);
      ensure(mayActFor(context, operator, owner), pallet, "NoPermission");
      deleteFile(context, owner, fileHash);
      context.emit(pallet, "DeleteFile", { operator, owner, fileHash });
    }),
    root_clear_file: handler((context, { owner, fileHash }: { owner: Hex; fileHash: Hex }) => {
      ensureRoot(context);
      deleteFile(context, owner, fileHash);
    }),
    cert_idle_space: handler((context, args: IdleProof) => {
      const acc = ensureAttestedProof(context, args);
      const space = certifyIdleSpace(context, acc, args.idleSigInfo, signature64(args.teeSig));
      creditWork(context, args.teePuk, "certify", space);
      context.emit(pallet, "IdleSpaceCert", { acc, space });
    }),
    replace_idle_space: handler((context, args: IdleProof) => {
      const acc = ensureAttestedProof(context, args);
      const space = replaceIdleSpace(context, acc, args.idleSigInfo, signature64(args.teeSig));
      creditWork(context, args.teePuk, "replace", space);
      context.emit(pallet, "ReplaceIdleSpace", { acc, space });
    }),
  },
};
