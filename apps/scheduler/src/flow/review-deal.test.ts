import type { At, Deal as DealOnChain } from "@granary/chain-client";
import { type DealEvent, openDeal } from "@granary/domain/deal";
import type { AccountId, Fid, UploadId } from "@granary/primitives";
import { silentLog } from "@granary/telemetry";
import { describe, expect, it } from "@jest/globals";
import type { DealRecord, LockedDeal } from "../ports.js";
import { reviewDeal } from "./review-deal.js";

const NOW = 1_700_000_000_000;
const DECLARED_BLOCK = 10;
const FINALIZED = "0xfi";
const uploadId = "upload" as UploadId;
const [alice, bob] = ["alice", "bob"] as [AccountId, AccountId];

const orderOf = (account: AccountId): DealOnChain => ({
  fid: "fid" as Fid,
  owner: { account, territory: "home", name: "file.bin" },
  sizeBytes: 1000,
  segments: [],
  reports: [],
});

/** What a review makes of Alice's order that stands since a block, by the finalized chain and the newest block. */
async function review(chain: { height: number; finalized: DealOnChain | null; best?: DealOnChain }) {
  const { columns } = openDeal(NOW);
  const deal = { state: "placing", declaredBlock: DECLARED_BLOCK, columns } as const;
  const record = { uploadId, fid: "fid", account: alice, sizeBytes: 1000, deal } as DealRecord;
  const events: DealEvent["kind"][] = [];
  const reviews: number[] = [];
  const locked = {
    record,
    apply: ({ kind }: DealEvent) => void events.push(kind),
    lookAgainAt: (at: number) => void reviews.push(at),
  } as unknown as LockedDeal;
  await reviewDeal(
    {
      deals: {
        find: async () => record,
        attempts: async () => [],
        change: async (_, work) => await work(locked),
        dueReviews: async () => [uploadId],
      },
      manifests: { segments: async () => [] },
      chain: {
        finalizedHead: async () => ({ number: chain.height, hash: FINALIZED }),
        file: async () => null,
        deal: async (_, at?: At) => (at === FINALIZED ? chain.finalized : (chain.best ?? null)),
      },
      clock: () => NOW,
      log: silentLog,
    },
    5_000,
    uploadId,
  );
  expect(reviews).toEqual([NOW + 5_000]);
  return events;
}

describe("an order that stands", () => {
  it("goes on standing while the finalized chain has it", async () => {
    expect(await review({ height: DECLARED_BLOCK, finalized: orderOf(alice) })).toEqual([]);
  });

  it("starts over when no block has it any more", async () => {
    expect(await review({ height: DECLARED_BLOCK, finalized: null })).toEqual(["vanished"]);
  });

  it("starts over when somebody else's has taken its place", async () => {
    expect(await review({ height: DECLARED_BLOCK, finalized: orderOf(bob) })).toEqual(["vanished"]);
  });

  it("goes on standing in a later block than it was declared in, which is not final yet", async () => {
    expect(await review({ height: DECLARED_BLOCK, finalized: null, best: orderOf(alice) })).toEqual([]);
  });

  it("is not missed by a node that is not as far as its declaration", async () => {
    expect(await review({ height: DECLARED_BLOCK - 1, finalized: null })).toEqual([]);
  });
});
