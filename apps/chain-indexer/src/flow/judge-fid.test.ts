import type { ChainFile, Deal } from "@granary/chain-client";
import type { AccountId, Fid, FragmentHash, SegmentHash } from "@granary/primitives";
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import type { KnownDeal, LiveFid } from "../ports.js";
import { type FidChange, judgeFid } from "./judge-fid.js";

const fid = "f".repeat(64) as Fid;
const account = (name: string | number) => `account ${name}` as AccountId;
const owner = { account: account("owner"), territory: "default", name: "file.bin" };
const operator = account("gateway");
const block = { number: 10, hash: "0x10" };
const hash = (n: number) => n.toString(16).padStart(64, "0");
type Report = Deal["reports"][number];

const segment = {
  hash: hash(1) as SegmentHash,
  fragments: Array.from({ length: 12 }, (_, column) => hash(100 + column) as FragmentHash),
};
const deal = (...reports: Report[]): Deal => ({ fid, owner, sizeBytes: 5, segments: [segment], reports });
const report = (index: number, miner: string | number = index): Report => ({ index, miner: account(miner) });
const file = (owners: ChainFile["owners"] = [owner]): ChainFile => ({
  fid,
  state: "active",
  sizeBytes: 5,
  completedBlock: 10,
  owners,
  segments: [
    {
      hash: segment.hash,
      fragments: segment.fragments.map((one, column) => ({
        hash: one,
        miner: account(column + 1),
        isAvailable: true,
        taggedBlock: null,
      })),
    },
  ],
});
const known = (state: KnownDeal["state"], ...reports: Report[]): KnownDeal => ({
  fid,
  state,
  owner,
  operator,
  sizeBytes: 5,
  segmentCount: 1,
  openedBlock: 3,
  updatedBlock: 4,
  reports: reports.map((one) => ({ ...one, block: 4 })),
});
const judge = (live: Partial<LiveFid>, change: Partial<FidChange> = {}) =>
  judgeFid({
    fid,
    block,
    declared: [],
    isCompleted: false,
    deleted: [],
    before: null,
    live: { deal: null, file: null, ...live },
    ...change,
  });
const names = (verdict: ReturnType<typeof judgeFid>) => verdict.facts.map(({ name }) => name);
const declared = [{ owner: owner.account, operator }];

describe("judgeFid", () => {
  it("opens a declared deal, with who declared it", () => {
    const verdict = judge({ deal: deal() }, { declared });
    expect(names(verdict)).toEqual(["dealDeclared"]);
    expect(verdict.deal).toMatchObject({ state: "open", operator, openedBlock: 10, segmentCount: 1, reports: [] });
    expect(verdict.file).toBeNull();
  });

  it("announces only the reports that were not known, each with its index and block", () => {
    const verdict = judge({ deal: deal(report(7), report(2)) }, { before: known("open", report(7)) });
    expect(verdict.facts).toEqual([
      { name: "columnReported", message: { fid, index: 2, miner: account(2), block: 10 } },
    ]);
    expect(verdict.deal?.reports).toEqual([
      { ...report(7), block: 4 },
      { ...report(2), block: 10 },
    ]);
    expect(verdict.deal?.openedBlock).toBe(3);
  });

  it("holds reports void that were made before the deal was declared again, also equal ones", () => {
    const verdict = judge({ deal: deal(report(7)) }, { declared, before: known("open", report(7), report(1)) });
    expect(names(verdict)).toEqual(["dealDeclared", "columnReported"]);
    expect(verdict.deal?.reports).toEqual([{ ...report(7), block: 10 }]);
    expect(verdict.deal?.openedBlock).toBe(10);
  });

  it("announces at completion the columns that were not known, then the miners in order of columns", () => {
    const eleven = Array.from({ length: 11 }, (_, index) => report(11 - index));
    const verdict = judge({ file: file() }, { isCompleted: true, before: known("open", ...eleven) });
    expect(verdict.facts).toEqual([
      { name: "columnReported", message: { fid, index: 12, miner: account(12), block: 10 } },
      {
        name: "fileActivated",
        message: { fid, block: 10, miners: Array.from({ length: 12 }, (_, index) => account(index + 1)) },
      },
    ]);
    expect(verdict.deal).toMatchObject({ state: "completed", operator });
    expect(verdict.file?.owners).toEqual([owner]);
  });

  it("finds a completion after a gap, when nobody saw the event", () => {
    const verdict = judge({ file: file() }, { before: known("open") });
    expect(names(verdict)).toEqual([...Array(12).fill("columnReported"), "fileActivated"]);
  });

  it("takes a flash upload for what it is: another owner, no deal, no activation", () => {
    const second = { ...owner, account: account("second") };
    const verdict = judge({ file: file([owner, second]) }, { declared, before: known("completed") });
    expect(names(verdict)).toEqual(["dealDeclared"]);
    expect(verdict.deal).toBeNull();
    expect(verdict.file?.owners).toHaveLength(2);
  });

  it("says that an open deal is gone when there is neither deal nor file", () => {
    const verdict = judge({}, { before: known("open", report(1)) });
    expect(names(verdict)).toEqual(["dealRemoved"]);
    expect(verdict.deal?.state).toBe("removed");
    expect(names(judge({}, { before: known("removed") }))).toEqual([]);
    expect(names(judge({}, { before: known("completed") }))).toEqual([]);
  });

  it("does not call removed what was completed and deleted in one block", () => {
    const verdict = judge({}, { isCompleted: true, deleted: [owner.account], before: known("open") });
    expect(names(verdict)).toEqual(["fileDeleted"]);
    expect(verdict.deal?.state).toBe("completed");
  });

  it("tells the last owner's deletion from others", () => {
    const isLast = (live: Partial<LiveFid>) =>
      judge(live, { deleted: [owner.account] }).facts.map((fact) => (fact.message as { isLast: boolean }).isLast);
    expect(isLast({})).toEqual([true]);
    expect(isLast({ file: file([]) })).toEqual([true]);
    expect(isLast({ file: file() })).toEqual([false]);
  });

  it("announces nothing for a file of no segments, which has no miners", () => {
    const verdict = judge({ file: { ...file(), segments: [] } }, { isCompleted: true, before: known("open") });
    expect(names(verdict)).toEqual([]);
    expect(verdict.deal?.state).toBe("completed");
  });

  it("announces every column once, however the reports are spread over blocks", () => {
    const spread = fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 12 });
    const order = fc.shuffledSubarray(
      Array.from({ length: 12 }, (_, index) => index + 1),
      { minLength: 12 },
    );
    fc.assert(
      fc.property(order, spread, (columns, sizes) => {
        let before: KnownDeal | null = null;
        const announced: number[] = [];
        let activations = 0;
        let done = 0;
        for (const size of [...sizes, 12]) {
          done = Math.min(12, done + size);
          const live =
            done < 12 ? { deal: deal(...columns.slice(0, done).map((index) => report(index))) } : { file: file() };
          const verdict = judge(live, { before, isCompleted: done === 12 && before?.state !== "completed" });
          for (const fact of verdict.facts) {
            if (fact.name === "columnReported") announced.push(fact.message.index);
            if (fact.name === "fileActivated") activations += 1;
          }
          before = verdict.deal ?? before;
        }
        expect([...announced].sort((a, b) => a - b)).toEqual(Array.from({ length: 12 }, (_, index) => index + 1));
        expect(activations).toBe(1);
      }),
    );
  });
});
