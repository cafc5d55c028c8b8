import type { ChainFile, Deal, Signer } from "@granary/chain-client";
import type { Fid, FragmentHash } from "@granary/primitives";

/** Where a FID stands on chain, as far as a miner has to know. */
export type Standing =
  | { readonly kind: "deal"; readonly deal: Deal }
  /** Final: what is dropped now is not asked for again. */
  | { readonly kind: "file"; readonly file: ChainFile }
  /** The newest block and the finalized one disagree: nothing is to be done before they agree. */
  | { readonly kind: "unsettled" }
  | { readonly kind: "absent" };

/** `taken`: another was first, or this miner has a column already. `gone`: the deal is no more. */
export type ReportOutcome = "reported" | "taken" | "gone";

/** What miners ask of the chain. One connection serves all miners of a process. */
export interface MinerChain {
  /** The open deal in the newest block; an answer may be this old. @throws CodedError when no node answers */
  deal(fid: Fid, maxAgeMs: number): Promise<Deal | null>;
  standing(fid: Fid): Promise<Standing>;
  /** Resolves when the report is in a block. */
  report(signer: Signer, index: number, fid: Fid): Promise<ReportOutcome>;
  isConnected(): boolean;
}

/** A fragment on its way to disk: invisible before `commit`, gone without it. */
export interface IncomingFragment {
  write(chunk: Uint8Array): Promise<void>;
  /** Durable and visible when it resolves. */
  commit(): Promise<void>;
  discard(): Promise<void>;
}

export interface OpenFragment {
  readonly sizeBytes: number;
  /** Bytes `start` (inclusive) to `end` (exclusive). Closes the file when read to the end or left. */
  read(start: number, end: number): AsyncIterable<Uint8Array>;
  close(): Promise<void>;
}

/** The fragments that one miner holds. */
export interface FragmentStore {
  readonly fids: readonly Fid[];
  held(fid: Fid): ReadonlySet<FragmentHash>;
  /** All that is held of this FID belongs to a file that is complete on chain. */
  isKept(fid: Fid): boolean;
  receive(fid: Fid, fragment: FragmentHash): Promise<IncomingFragment>;
  /** The fragment of zeros, which nobody sends. */
  makeZeros(fid: Fid, fragment: FragmentHash): Promise<void>;
  open(fid: Fid, fragment: FragmentHash): Promise<OpenFragment | null>;
  /** The file is complete: these stay, the rest is dropped. */
  keep(fid: Fid, fragments: ReadonlySet<FragmentHash>): Promise<void>;
  drop(fid: Fid): Promise<void>;
}

export interface MinerTiming {
  readonly reportPollMs: number;
  /** Look at a FID at once when a fragment of it arrives or a block speaks of it. */
  readonly isEager: boolean;
  /** For how long the chain must know nothing of a FID before its fragments go. */
  readonly absenceGraceMs: number;
  /** How often complete files are looked at, though no block spoke of them. */
  readonly sweepMs: number;
}
