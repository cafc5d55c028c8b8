import type { Signer } from "@granary/chain-client";
import type { Fid } from "@granary/primitives";
import type { FragmentStore, MinerChain } from "../ports.js";
import { decideHolding } from "./decide-holding.js";

export interface HoldingPorts {
  readonly store: FragmentStore;
  readonly chain: Pick<MinerChain, "standing" | "report">;
  readonly signer: Signer;
}

export interface HoldingRules {
  /** Whether the chain has known nothing of the FID for so long that its fragments may go. */
  isAbsenceOld(fid: Fid, isAbsent: boolean): boolean;
  /** A miner that accepts and stays silent does all but this. */
  readonly mayReport: boolean;
}

/** `kept` and `dropped`: this FID is settled, until the chain says something new of it. */
export type Settled = "waiting" | "reported" | "lost" | "kept" | "dropped";

/**
 * One look at one FID: reports one column, or keeps, or drops. Columns are tried from the lowest until one report
 * succeeds; one that another miner has just taken is passed over. A crash midway loses nothing: the chain and the
 * folder are looked at anew. @throws CodedError when the chain refuses for another reason, or no node answers
 */
export async function settleHolding(ports: HoldingPorts, rules: HoldingRules, fid: Fid): Promise<Settled> {
  const { store, chain, signer } = ports;
  const standing = await chain.standing(fid);
  const isAbsenceOld = rules.isAbsenceOld(fid, standing.kind === "absent");
  const decision = decideHolding(standing, store.held(fid), signer.account, isAbsenceOld);
  switch (decision.do) {
    case "wait":
      return "waiting";
    case "keep":
      await store.keep(fid, decision.fragments);
      return "kept";
    case "drop":
      await store.drop(fid);
      return "dropped";
    case "report":
      return rules.mayReport ? report(chain, signer, fid, decision.indexes) : "waiting";
  }
}

async function report(
  chain: Pick<MinerChain, "report">,
  signer: Signer,
  fid: Fid,
  indexes: readonly number[],
): Promise<Settled> {
  for (const index of indexes) {
    const outcome = await chain.report(signer, index, fid);
    if (outcome === "reported") return "reported";
    if (outcome === "gone") break;
  }
  return "lost";
}
