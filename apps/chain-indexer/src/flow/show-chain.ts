import type { InputOf, OutputOf } from "@granary/contracts";
import type { IndexerPorts } from "../ports.js";
import { areAbreast } from "./measure-lag.js";

type Ports = Pick<IndexerPorts, "chain" | "mirror">;

export async function showStatus({ chain, mirror }: Ports): Promise<OutputOf<"chainStatus">> {
  const [status, cursor] = await Promise.all([chain.status(), mirror.cursor()]);
  const ours = cursor?.genesisHash === status.genesisHash ? cursor : null;
  return {
    genesisHash: status.genesisHash,
    specName: status.specName,
    specVersion: status.specVersion,
    bestBlock: status.best.number,
    finalizedBlock: status.finalized.number,
    indexedBlock: ours?.number ?? 0,
    isSynced: !status.isSyncing && areAbreast(ours, status.finalized),
  };
}

/** Live: what was bought a moment ago is seen. So are the next three. */
export async function showTerritory(
  { chain }: Pick<Ports, "chain">,
  { account, name }: InputOf<"territoryShow">,
): Promise<OutputOf<"territoryShow">> {
  const head = await chain.finalizedHead();
  return { territory: await chain.territory(account, name, head.hash), atBlock: head.number };
}

export async function listTerritories(
  { chain }: Pick<Ports, "chain">,
  { account }: InputOf<"territoriesList">,
): Promise<OutputOf<"territoriesList">> {
  const head = await chain.finalizedHead();
  const territories = await chain.territories(account, head.hash);
  return { territories: [...territories].sort((a, b) => (a.name < b.name ? -1 : 1)), atBlock: head.number };
}

export async function showAuthorization(
  { chain }: Pick<Ports, "chain">,
  { owner, operator }: InputOf<"authorizationShow">,
): Promise<OutputOf<"authorizationShow">> {
  const head = await chain.finalizedHead();
  return { isAuthorized: await chain.isAuthorized(owner, operator, head.hash), atBlock: head.number };
}

export async function showDeal(
  { chain }: Pick<Ports, "chain">,
  { fid }: InputOf<"chainDealShow">,
): Promise<OutputOf<"chainDealShow">> {
  const head = await chain.finalizedHead();
  const deal = await chain.deal(fid, head.hash);
  if (deal === null) return { deal: null, atBlock: head.number };
  return {
    deal: {
      fid,
      owner: deal.owner.account,
      territory: deal.owner.territory,
      name: deal.owner.name,
      sizeBytes: deal.sizeBytes,
      segmentCount: deal.segments.length,
      reports: [...deal.reports],
    },
    atBlock: head.number,
  };
}
