import type { Territory } from "@granary/contracts";
import type { AccountId } from "@granary/primitives";
import type { Ports } from "../ports.js";

/** Territories of an account with what the chain says of each now. */
export async function listTerritories(ports: Pick<Ports, "request">, account: AccountId): Promise<Territory[]> {
  return (await ports.request("territoriesList", { account })).territories;
}
