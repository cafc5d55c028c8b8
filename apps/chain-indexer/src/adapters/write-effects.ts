import type { Territory } from "@granary/chain-client";
import type { ChainMiner } from "@granary/contracts";
import type { Transaction } from "@granary/database";
import type { Authorizations, Effects, KnownDeal, KnownFile } from "../ports.js";

/** Rows in one statement; Postgres takes 65 535 parameters. */
const ROWS_AT_ONCE = 1_000;

function* chunks<T>(items: readonly T[]): Generator<readonly T[]> {
  for (let from = 0; from < items.length; from += ROWS_AT_ONCE) yield items.slice(from, from + ROWS_AT_ONCE);
}

/** For the tables of another chain. Facts that wait to be published stay: they were true. */
export async function clearMirror(tx: Transaction): Promise<void> {
  await tx.chainReport.deleteMany();
  await tx.chainDeal.deleteMany();
  await tx.chainFile.deleteMany();
  await tx.chainMiner.deleteMany();
  await tx.chainTerritory.deleteMany();
  await tx.chainAuthorization.deleteMany();
}

/** Every row is written whole, as delete and insert: what is written twice is the same. */
export async function writeEffects(tx: Transaction, effects: Effects, block: number): Promise<void> {
  for (const deal of effects.deals) await writeDeal(tx, deal);
  for (const file of effects.files) await writeFile(tx, file);
  for (const fids of chunks(effects.goneFiles)) await tx.chainFile.deleteMany({ where: { fid: { in: [...fids] } } });
  await writeMiners(tx, effects);
  await writeTerritories(tx, effects, block);
  for (const authorizations of effects.authorizations) await writeAuthorizations(tx, authorizations, block);
}

async function writeDeal(tx: Transaction, deal: KnownDeal): Promise<void> {
  const { fid, owner, reports, sizeBytes, openedBlock, updatedBlock, state, operator, segmentCount } = deal;
  const row = {
    state,
    owner: owner.account,
    territory: owner.territory,
    name: owner.name,
    operator,
    sizeBytes: BigInt(sizeBytes),
    segmentCount,
    openedBlock: BigInt(openedBlock),
    updatedBlock: BigInt(updatedBlock),
  };
  await tx.chainDeal.upsert({ where: { fid }, create: { fid, ...row }, update: row });
  await tx.chainReport.deleteMany({ where: { fid } });
  await tx.chainReport.createMany({
    data: reports.map(({ index, miner, block }) => ({ fid, index, miner, block: BigInt(block) })),
  });
}

async function writeFile(tx: Transaction, file: KnownFile): Promise<void> {
  const { fid, owners } = file;
  const row = {
    state: file.state,
    sizeBytes: BigInt(file.sizeBytes),
    segmentCount: file.segmentCount,
    completedBlock: BigInt(file.completedBlock),
    updatedBlock: BigInt(file.updatedBlock),
  };
  await tx.chainFile.upsert({ where: { fid }, create: { fid, ...row }, update: row });
  await tx.chainFileOwner.deleteMany({ where: { fid } });
  for (const some of chunks(owners)) {
    await tx.chainFileOwner.createMany({ data: some.map((owner) => ({ fid, ...owner })), skipDuplicates: true });
  }
}

const minerRow = ({ idleBytes, serviceBytes, lockedBytes, declaredBytes, updatedBlock, ...rest }: ChainMiner) => ({
  ...rest,
  idleBytes: BigInt(idleBytes),
  serviceBytes: BigInt(serviceBytes),
  lockedBytes: BigInt(lockedBytes),
  declaredBytes: BigInt(declaredBytes),
  updatedBlock: BigInt(updatedBlock),
});

async function writeMiners(tx: Transaction, { miners, goneMiners }: Effects): Promise<void> {
  const replaced = [...goneMiners, ...miners.map((miner) => miner.account)];
  for (const some of chunks(replaced)) await tx.chainMiner.deleteMany({ where: { account: { in: [...some] } } });
  for (const some of chunks(miners)) await tx.chainMiner.createMany({ data: some.map(minerRow) });
}

const territoryRow = (territory: Territory, block: number) => ({
  account: territory.account,
  name: territory.name,
  token: territory.token,
  state: territory.state,
  totalBytes: BigInt(territory.totalBytes),
  usedBytes: BigInt(territory.usedBytes),
  lockedBytes: BigInt(territory.lockedBytes),
  remainingBytes: BigInt(territory.remainingBytes),
  startBlock: BigInt(territory.startBlock),
  deadlineBlock: BigInt(territory.deadlineBlock),
  updatedBlock: BigInt(block),
});

async function writeTerritories(tx: Transaction, effects: Effects, block: number): Promise<void> {
  for (const { account, name } of [...effects.goneTerritories, ...effects.territories]) {
    await tx.chainTerritory.deleteMany({ where: { account, name } });
  }
  for (const some of chunks(effects.territories)) {
    await tx.chainTerritory.createMany({ data: some.map((territory) => territoryRow(territory, block)) });
  }
}

async function writeAuthorizations(
  tx: Transaction,
  { owner, operators }: Authorizations,
  block: number,
): Promise<void> {
  await tx.chainAuthorization.deleteMany({ where: { owner } });
  await tx.chainAuthorization.createMany({
    data: [...new Set(operators)].map((operator) => ({ owner, operator, updatedBlock: BigInt(block) })),
  });
}
