import type { AccountId, FragmentHash } from "@granary/primitives";
import type { Standing } from "../ports.js";

/** What a miner does next with the fragments that it holds of one FID. */
export type Decision =
  | { readonly do: "wait" }
  /** Columns that are whole here and free on chain, the lowest first. */
  | { readonly do: "report"; readonly indexes: readonly number[] }
  | { readonly do: "keep"; readonly fragments: ReadonlySet<FragmentHash> }
  | { readonly do: "drop" };

/**
 * Law: a column may be claimed only when it is whole, and a miner may have at most one column of a file. Fragments are
 * dropped when a finalized file does not name this miner, or when chain and grace agree that there is nothing to hold
 * them for.
 */
export function decideHolding(
  standing: Standing,
  held: ReadonlySet<FragmentHash>,
  account: AccountId,
  isAbsenceOld: boolean,
): Decision {
  switch (standing.kind) {
    case "unsettled":
      return { do: "wait" };
    case "absent":
      return { do: isAbsenceOld ? "drop" : "wait" };
    case "file": {
      const own = standing.file.segments.flatMap(({ fragments }) =>
        fragments.filter(({ miner }) => miner === account).map(({ hash }) => hash),
      );
      return own.length === 0 ? { do: "drop" } : { do: "keep", fragments: new Set(own) };
    }
    case "deal": {
      const { segments, reports } = standing.deal;
      if (segments.length === 0 || reports.some(({ miner }) => miner === account)) return { do: "wait" };
      const taken = new Set(reports.map(({ index }) => index));
      const columns = segments[0]?.fragments.length ?? 0;
      const indexes = Array.from({ length: columns }, (_, place) => place + 1).filter(
        (index) => !taken.has(index) && segments.every(({ fragments }) => isHeld(held, fragments[index - 1])),
      );
      return indexes.length === 0 ? { do: "wait" } : { do: "report", indexes };
    }
  }
}

const isHeld = (held: ReadonlySet<FragmentHash>, fragment: FragmentHash | undefined): boolean =>
  fragment !== undefined && held.has(fragment);
