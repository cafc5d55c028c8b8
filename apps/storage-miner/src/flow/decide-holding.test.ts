import type { ChainFile, Deal } from "@granary/chain-client";
import type { AccountId, Fid, FragmentHash, SegmentHash } from "@granary/primitives";
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import type { Standing } from "../ports.js";
import { decideHolding } from "./decide-holding.js";

const me = "me" as AccountId;
const other = "other" as AccountId;
const fid = "f".repeat(64) as Fid;
const name = (segment: number, index: number): FragmentHash => `s${segment}f${index}` as FragmentHash;
const owner = { account: other, territory: "home", name: "file" };
const indexes = Array.from({ length: 12 }, (_, place) => place + 1);

const dealOf = (segments: number, reports: Deal["reports"], nameOf = name): Standing => ({
  kind: "deal",
  deal: {
    fid,
    owner,
    sizeBytes: 1,
    segments: Array.from({ length: segments }, (_, segment) => ({
      hash: `s${segment}` as SegmentHash,
      fragments: indexes.map((index) => nameOf(segment, index)),
    })),
    reports,
  },
});

const fileOf = (minerOfColumn: (index: number) => AccountId): Standing => ({
  kind: "file",
  file: {
    fid,
    state: "active",
    sizeBytes: 1,
    completedBlock: 1,
    owners: [owner],
    segments: [0, 1].map((segment) => ({
      hash: `s${segment}` as SegmentHash,
      fragments: indexes.map((index) => ({
        hash: name(segment, index),
        miner: minerOfColumn(index),
        isAvailable: true,
        taggedBlock: null,
      })),
    })),
  } satisfies ChainFile,
});

describe("what a miner does with a holding", () => {
  it("only whole and free columns are reported, in ascending order", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 4 }),
        fc.array(fc.tuple(fc.nat(3), fc.integer({ min: 1, max: 12 })), { maxLength: 48 }),
        fc.uniqueArray(fc.integer({ min: 1, max: 12 }), { maxLength: 11 }),
        (segments, heldAt, takenIndexes) => {
          const held = new Set(heldAt.map(([segment, index]) => name(segment, index)));
          const standing = dealOf(
            segments,
            takenIndexes.map((index) => ({ index, miner: other })),
          );
          const decision = decideHolding(standing, held, me, true);
          const whole = indexes.filter((index) =>
            Array.from({ length: segments }, (_, segment) => name(segment, index)).every((one) => held.has(one)),
          );
          const expected = whole.filter((index) => !takenIndexes.includes(index));
          expect(decision).toEqual(expected.length === 0 ? { do: "wait" } : { do: "report", indexes: expected });
        },
      ),
    );
  });

  it("a miner that has a column of the deal reports no other", () => {
    const held = new Set(indexes.map((index) => name(0, index)));
    expect(decideHolding(dealOf(1, [{ index: 3, miner: me }]), held, me, true)).toEqual({ do: "wait" });
  });

  it("equal fragments make every column that they fill reportable", () => {
    const equal = (_: number, index: number) => (index <= 3 ? name(0, 1) : name(0, index));
    expect(decideHolding(dealOf(1, [{ index: 1, miner: other }], equal), new Set([name(0, 1)]), me, true)).toEqual({
      do: "report",
      indexes: [2, 3],
    });
  });

  it("of a complete file a miner keeps what is its own by the chain's word, and nothing else", () => {
    const held = new Set([name(0, 2), name(1, 2), name(0, 5)]);
    expect(
      decideHolding(
        fileOf((index) => (index === 2 ? me : other)),
        held,
        me,
        false,
      ),
    ).toEqual({
      do: "keep",
      fragments: new Set([name(0, 2), name(1, 2)]),
    });
    expect(
      decideHolding(
        fileOf(() => other),
        held,
        me,
        false,
      ),
    ).toEqual({ do: "drop" });
  });

  it("nothing is dropped while the chain is of two minds, or before the grace is over", () => {
    const held = new Set([name(0, 1)]);
    expect(decideHolding({ kind: "unsettled" }, held, me, true)).toEqual({ do: "wait" });
    expect(decideHolding({ kind: "absent" }, held, me, false)).toEqual({ do: "wait" });
    expect(decideHolding({ kind: "absent" }, held, me, true)).toEqual({ do: "drop" });
  });

  it("a deal without segments has nothing to report", () => {
    expect(decideHolding(dealOf(0, []), new Set(), me, true)).toEqual({ do: "wait" });
  });
});
