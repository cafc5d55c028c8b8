import type { Holding } from "@granary/chain-client";
import type { InputOf, OutputOf } from "@granary/contracts";
import type { AccountId, Fid } from "@granary/primitives";
import type { IndexerPorts } from "../ports.js";
import { concurrently } from "./concurrently.js";

type Ports = Pick<IndexerPorts, "chain" | "mirror">;
type Place = { readonly territory: string; readonly fid: Fid };

const compare = (a: Place, b: Place): number =>
  a.territory === b.territory ? order(a.fid, b.fid) : order(a.territory, b.territory);
const order = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/**
 * What an account holds is asked of the chain, which has one list of it that also names files older than the tables;
 * names and sizes come from the tables where they have the file.
 */
export async function listHoldings(
  { chain, mirror }: Ports,
  { account, territory, after, count }: InputOf<"holdingsList">,
): Promise<OutputOf<"holdingsList">> {
  const head = await chain.finalizedHead();
  const all = (await chain.holdings(account, head.hash))
    .filter((holding) => territory === null || holding.territory === territory)
    .filter((holding) => after === null || compare(holding, after) > 0)
    .sort(compare);
  const page = all.slice(0, count);
  const known = await mirror.files(page.map(({ fid }) => fid));
  const holdings = await concurrently(page, async (holding) => {
    const file = known.get(holding.fid) ?? (await chain.file(holding.fid, head.hash));
    const { territory: place, fid } = holding;
    return {
      territory: place,
      fid,
      name: nameFor(file?.owners ?? [], account, holding),
      sizeBytes: file?.sizeBytes ?? 0,
    };
  });
  const last = page.at(-1);
  return {
    holdings,
    next: all.length > page.length && last !== undefined ? { territory: last.territory, fid: last.fid } : null,
  };
}

type Owner = { readonly account: AccountId; readonly territory: string; readonly name: string };

/** The name is kept with the owner's entry; after a delivery the entry may be under another territory than the list. */
function nameFor(owners: readonly Owner[], account: AccountId, holding: Holding): string {
  const own = owners.filter((owner) => owner.account === account);
  return (own.find((owner) => owner.territory === holding.territory) ?? own[0])?.name ?? "";
}
