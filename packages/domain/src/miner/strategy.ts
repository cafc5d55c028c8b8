import type { AccountId } from "@granary/primitives";
import { isInside, type Position } from "./area.js";
import type { Candidate, Wishes } from "./select.js";

/** Which miners somebody wants or does not want: the operator of a gateway, or an uploader. */
export interface Strategy {
  readonly prefer?: readonly AccountId[] | undefined;
  /** So many columns of a file go by `prefer`, the others as if nobody were preferred; all of them without it. */
  readonly first?: number | undefined;
  readonly only?: readonly AccountId[] | undefined;
  readonly avoid?: readonly AccountId[] | undefined;
  /** Corners of a polygon. */
  readonly area?: readonly Position[] | undefined;
  /** A fence is never left; any other area is given up when there is nobody in it, and that is recorded. */
  readonly isAreaStrict?: boolean | undefined;
}

/** Two strategies as one. */
export interface ComposedStrategy {
  readonly prefer: readonly AccountId[];
  readonly first: number;
  readonly only: ReadonlySet<AccountId> | null;
  readonly avoid: ReadonlySet<AccountId>;
  readonly area: readonly Position[] | undefined;
  readonly fences: readonly (readonly Position[])[];
}

/**
 * What the gateway and the uploader want together.
 *
 * Laws: whatever one of them forbids is forbidden; the uploader's preference comes before the gateway's; nothing here
 * touches dispersion, which `select` keeps whatever it is wished.
 */
export function composeStrategies(gateway: Strategy, upload: Strategy): ComposedStrategy {
  const preferring = upload.prefer !== undefined && upload.prefer.length > 0 ? upload : gateway;
  const both = [gateway, upload];
  const fences = both.flatMap(({ area, isAreaStrict }) => (area !== undefined && isAreaStrict === true ? [area] : []));
  const [soft] = [upload, gateway].flatMap(({ area, isAreaStrict }) =>
    area !== undefined && isAreaStrict !== true ? [area] : [],
  );
  return {
    prefer: preferring.prefer ?? [],
    first: preferring.first ?? Number.POSITIVE_INFINITY,
    only: common(gateway.only, upload.only),
    avoid: new Set(both.flatMap(({ avoid }) => avoid ?? [])),
    area: soft,
    fences,
  };
}

function common(one: readonly AccountId[] | undefined, other: readonly AccountId[] | undefined) {
  if (one === undefined || other === undefined)
    return one === undefined && other === undefined ? null : new Set(one ?? other);
  const wanted = new Set(other);
  return new Set(one.filter((account) => wanted.has(account)));
}

/** The strategy as wishes about these miners. Where a miner is nobody knows, no fence says that it may be used. */
export function wishesAbout(
  strategy: ComposedStrategy,
  miners: Iterable<Pick<Candidate, "account" | "position">>,
): Wishes {
  const { prefer, only, avoid, area, fences } = strategy;
  const isOutside = ({ position }: Pick<Candidate, "position">) =>
    fences.some((corners) => position === null || !isInside(position, corners));
  const outside = fences.length === 0 ? [] : [...miners].filter(isOutside).map(({ account }) => account);
  return { prefer, only: only === null ? undefined : [...only], avoid: [...avoid, ...outside], area };
}
