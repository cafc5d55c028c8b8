import type { Territory } from "@granary/contracts";
import type { AccountId } from "@granary/primitives";
import type { Ports } from "../ports.js";

/** More territories of one account than this are not shown. */
const TERRITORIES_MAX = 200;

/**
 * Territories of an account with what the chain says of each now. Their names come from the chain-indexer's mirror, which
 * this service only reads.
 */
export async function listTerritories(
  ports: Pick<Ports, "request" | "database">,
  account: AccountId,
): Promise<Territory[]> {
  const rows = await ports.database.chainTerritory.findMany({
    where: { account },
    select: { name: true },
    orderBy: { name: "asc" },
    take: TERRITORIES_MAX,
  });
  const shown = await Promise.all(rows.map(({ name }) => ports.request("territoryShow", { account, name })));
  return shown.flatMap(({ territory }) => (territory === null ? [] : [territory]));
}
