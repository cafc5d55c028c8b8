import type { AccountId } from "@granary/primitives";
import { STORED_BYTES_PER_SEGMENT } from "@granary/primitives";
import type { SegmentManifest } from "../object/manifest.js";
import { type ContentOnChain, compareContent } from "../object/same-content.js";
import type { Failure } from "./deal.js";

/** What we want to be on chain. */
export interface Order {
  readonly account: AccountId;
  readonly territory: string;
  readonly sizeBytes: number;
  readonly segments: readonly SegmentManifest[];
}

export interface FileOnChain extends ContentOnChain {
  readonly completedBlock: number;
  readonly owners: readonly { readonly account: AccountId }[];
  /** Column 1 first. */
  readonly miners: readonly AccountId[];
}

export interface OpenDealOnChain extends ContentOnChain {
  readonly owner: { readonly account: AccountId };
}

/** The chain, as far as an order depends on it. */
export interface ChainView {
  readonly block: number;
  /** The file in the newest block, and in the newest finalized one. */
  readonly file: FileOnChain | null;
  readonly finalizedFile: FileOnChain | null;
  readonly deal: OpenDealOnChain | null;
  readonly territory: {
    readonly state: "active" | "frozen" | "expired" | "on-consignment";
    readonly remainingBytes: number;
  } | null;
  readonly isAuthorized: boolean;
}

export type Obstacle = Failure & {
  /** Whether somebody can still take it out of the way, so that it is worth looking again. */
  readonly canPass: boolean;
};

export type DeclarationStep =
  /** The file is stored, finally, and its owner is ours. */
  | { readonly do: "activate"; readonly block: number; readonly miners: readonly AccountId[] }
  /** The order stands already: it is ours by owner and content. */
  | { readonly do: "adopt"; readonly block: number }
  /** `joins`: the content is stored already, and only the owner is added. */
  | { readonly do: "declare"; readonly joins: boolean }
  /** Something is under way that decides the rest. */
  | { readonly do: "wait"; readonly code: string }
  | { readonly do: "stop"; readonly obstacle: Obstacle };

/**
 * What to do about an order, from what the chain says now; asked anew after every doubt, so that nothing is declared
 * twice.
 *
 * Laws: an open deal of somebody else is never overwritten (the chain would let us), nor one of other content; a stored
 * file is joined only if every fragment hash and the size are equal to ours, because an equal FID proves neither.
 */
export function nextDeclarationStep(order: Order, view: ChainView): DeclarationStep {
  const { file, finalizedFile, deal } = view;
  if (file !== null) {
    if (compareContent(order, file) !== "same") return { do: "stop", obstacle: conflict };
    if (!isOwner(order, file)) return declareIfAllowed(order, view, true);
    if (finalizedFile === null || !isOwner(order, finalizedFile)) return { do: "wait", code: "FINALITY_PENDING" };
    return { do: "activate", block: finalizedFile.completedBlock, miners: finalizedFile.miners };
  }
  if (deal !== null) {
    if (compareContent(order, deal) !== "same") return { do: "stop", obstacle: openConflict };
    if (deal.owner.account !== order.account) return { do: "wait", code: "DEAL_OPEN_ELSEWHERE" };
    return { do: "adopt", block: view.block };
  }
  return declareIfAllowed(order, view, false);
}

const isOwner = (order: Order, file: FileOnChain): boolean =>
  file.owners.some(({ account }) => account === order.account);

const conflict: Obstacle = {
  code: "FID_CONFLICT",
  reason: "the chain has a file of this FID with other content",
  canPass: false,
};
const openConflict: Obstacle = {
  code: "FID_CONFLICT",
  reason: "a deal of this FID with other content is open on chain",
  canPass: true,
};

function declareIfAllowed(order: Order, view: ChainView, joins: boolean): DeclarationStep {
  const obstacle = obstacleOf(order, view);
  return obstacle === null ? { do: "declare", joins } : { do: "stop", obstacle };
}

const passable = (code: string, reason: string): Obstacle => ({ code, reason, canPass: true });

/** What the chain would refuse the order for. */
function obstacleOf(order: Order, { territory, isAuthorized }: ChainView): Obstacle | null {
  if (!isAuthorized) return passable("GATEWAY_NOT_AUTHORIZED", "the owner has not authorized this gateway");
  if (territory === null) return passable("TERRITORY_UNKNOWN", "the owner has no territory of this name");
  switch (territory.state) {
    case "frozen":
      return passable("TERRITORY_FROZEN", "the territory's lease is over; it takes nothing until it is renewed");
    case "expired":
      return passable("TERRITORY_EXPIRED", "the territory has expired");
    case "on-consignment":
      return passable("TERRITORY_ON_CONSIGNMENT", "the territory is on sale");
    case "active":
      break;
    default:
      return territory.state satisfies never;
  }
  // The chain asks for more than is needed: exactly enough is refused.
  if (territory.remainingBytes <= order.segments.length * STORED_BYTES_PER_SEGMENT) {
    return passable("TERRITORY_FULL", "the territory has too little space left");
  }
  return null;
}

/** Refusals of the chain that somebody can take out of the way. */
const passableRefusals = new Set([
  "GATEWAY_NOT_AUTHORIZED",
  "TERRITORY_UNKNOWN",
  "TERRITORY_FULL",
  "TERRITORY_NOT_ACTIVE",
  "BALANCE_TOO_LOW",
  // Same owner, same territory: by now the chain has what we wanted.
  "CHAIN_ENTRY_EXISTS",
]);

/** The chain's own refusal of a declaration. */
export const obstacleOfRefusal = (refusal: { readonly code: string; readonly message: string }): Obstacle => ({
  code: refusal.code,
  reason: refusal.message,
  canPass: passableRefusals.has(refusal.code),
});
