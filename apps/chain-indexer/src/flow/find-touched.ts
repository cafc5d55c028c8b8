import type { ChainEvent } from "@granary/chain-client";
import type { AccountId, Fid } from "@granary/primitives";

export interface TouchedFid {
  readonly declared: { readonly owner: AccountId; readonly operator: AccountId }[];
  isCompleted: boolean;
  readonly deleted: AccountId[];
}

/** What the events of a block say may be another now. */
export interface Touched {
  readonly fids: ReadonlyMap<Fid, TouchedFid>;
  readonly miners: ReadonlySet<AccountId>;
  readonly tokens: ReadonlySet<string>;
  /** Orders for space that were paid. */
  readonly orders: ReadonlySet<string>;
  readonly territoryNames: ReadonlySet<string>;
  /** Whose list of authorizations. */
  readonly owners: ReadonlySet<AccountId>;
}

export function findTouched(events: readonly ChainEvent[]): Touched {
  const fids = new Map<Fid, TouchedFid>();
  const miners = new Set<AccountId>();
  const tokens = new Set<string>();
  const orders = new Set<string>();
  const territoryNames = new Set<string>();
  const owners = new Set<AccountId>();
  const touch = (fid: Fid): TouchedFid => {
    const entry = fids.get(fid) ?? { declared: [], isCompleted: false, deleted: [] };
    fids.set(fid, entry);
    return entry;
  };
  for (const event of events) {
    switch (event.kind) {
      case "dealDeclared":
        touch(event.fid).declared.push({ owner: event.owner, operator: event.operator });
        break;
      case "columnReport":
      case "columnTagged":
        touch(event.fid);
        miners.add(event.miner);
        break;
      case "storageCompleted":
        touch(event.fid).isCompleted = true;
        break;
      case "fileDeleted":
        touch(event.fid).deleted.push(event.owner);
        break;
      case "fileDelivered":
        touch(event.fid);
        break;
      case "minerRegistered":
      case "minerChanged":
        miners.add(event.account);
        break;
      case "restoralOrdered":
      case "restoralClaimed":
      case "restoralCompleted":
        miners.add(event.miner);
        break;
      case "territoryMinted":
        tokens.add(event.token);
        break;
      case "territoryChanged":
        if (event.token !== null) tokens.add(event.token);
        if (event.name !== null) territoryNames.add(event.name);
        break;
      case "orderPaid":
        orders.add(event.order);
        break;
      case "authorized":
      case "authorizationCancelled":
        owners.add(event.owner);
        break;
    }
  }
  return { fids, miners, tokens, orders, territoryNames, owners };
}
