import type { AccountId, FragmentHash, SegmentHash } from "@granary/primitives";
import { MiB, ZERO_FRAGMENT_HASH } from "@granary/primitives";
import { describe, expect, it } from "@jest/globals";
import {
  type ChainView,
  type FileOnChain,
  nextDeclarationStep,
  type OpenDealOnChain,
  type Order,
  obstacleOfRefusal,
} from "./declaration.js";

const alice = "alice" as AccountId;
const bob = "bob" as AccountId;
const digest = (n: number) => n.toString(16).padStart(64, "0");
const segmentOf = (n: number) => ({
  hash: digest(n) as SegmentHash,
  fragments: Array.from({ length: 12 }, (_, i) => digest(n * 100 + i) as FragmentHash),
});
const order: Order = { account: alice, territory: "home", sizeBytes: 40 * MiB, segments: [segmentOf(1), segmentOf(2)] };
const content = { sizeBytes: order.sizeBytes, segments: order.segments };
const miners = Array.from({ length: 12 }, (_, i) => `miner-${i}` as AccountId);
const file = (more: Partial<FileOnChain> = {}): FileOnChain => ({
  ...content,
  completedBlock: 8,
  owners: [{ account: alice }],
  miners,
  ...more,
});
const deal = (more: Partial<OpenDealOnChain> = {}): OpenDealOnChain => ({
  ...content,
  owner: { account: alice },
  ...more,
});
const view = (more: Partial<ChainView> = {}): ChainView => ({
  block: 20,
  file: null,
  finalizedFile: null,
  deal: null,
  territory: { state: "active", remainingBytes: 192 * MiB + 1 },
  isAuthorized: true,
  ...more,
});

const otherSize = { sizeBytes: 41 * MiB };
const otherFragment = {
  segments: [
    segmentOf(1),
    { ...segmentOf(2), fragments: [...segmentOf(2).fragments.slice(0, 11), ZERO_FRAGMENT_HASH] },
  ],
};

describe("what to do about an order", () => {
  it("declares what the chain does not have", () => {
    expect(nextDeclarationStep(order, view())).toEqual({ do: "declare", joins: false });
  });

  it("adopts its own open deal instead of declaring it again", () => {
    expect(nextDeclarationStep(order, view({ deal: deal() }))).toEqual({ do: "adopt", block: 20 });
  });

  it("never overwrites the open deal of somebody else, nor one of other content", () => {
    expect(nextDeclarationStep(order, view({ deal: deal({ owner: { account: bob } }) }))).toEqual({
      do: "wait",
      code: "DEAL_OPEN_ELSEWHERE",
    });
    for (const other of [otherSize, otherFragment]) {
      expect(nextDeclarationStep(order, view({ deal: deal(other) }))).toMatchObject({
        do: "stop",
        obstacle: { code: "FID_CONFLICT", canPass: true },
      });
    }
  });

  it("refuses a stored file of the same FID that differs in one hash or in its size", () => {
    for (const other of [otherSize, otherFragment]) {
      expect(nextDeclarationStep(order, view({ file: file(other), finalizedFile: file(other) }))).toMatchObject({
        do: "stop",
        obstacle: { code: "FID_CONFLICT", canPass: false },
      });
    }
  });

  it("joins a stored file of equal content, and is at its end when that is final", () => {
    const ofBob = file({ owners: [{ account: bob }] });
    expect(nextDeclarationStep(order, view({ file: ofBob, finalizedFile: ofBob }))).toEqual({
      do: "declare",
      joins: true,
    });
    expect(nextDeclarationStep(order, view({ file: file(), finalizedFile: ofBob }))).toMatchObject({ do: "wait" });
    expect(nextDeclarationStep(order, view({ file: file(), finalizedFile: null }))).toMatchObject({ do: "wait" });
    expect(nextDeclarationStep(order, view({ file: file(), finalizedFile: file() }))).toEqual({
      do: "activate",
      block: 8,
      miners,
    });
  });

  it.each([
    ["GATEWAY_NOT_AUTHORIZED", { isAuthorized: false }],
    ["TERRITORY_UNKNOWN", { territory: null }],
    ["TERRITORY_FROZEN", { territory: { state: "frozen", remainingBytes: 1e12 } }],
    ["TERRITORY_EXPIRED", { territory: { state: "expired", remainingBytes: 1e12 } }],
    ["TERRITORY_ON_CONSIGNMENT", { territory: { state: "on-consignment", remainingBytes: 1e12 } }],
    // The chain wants more than is needed.
    ["TERRITORY_FULL", { territory: { state: "active", remainingBytes: 192 * MiB } }],
  ] as const)("stops with %s, which can pass", (code, more) => {
    expect(nextDeclarationStep(order, view(more))).toMatchObject({ do: "stop", obstacle: { code, canPass: true } });
  });

  it("takes refusals that nobody can take out of the way as final", () => {
    expect(obstacleOfRefusal({ code: "DECLARATION_INVALID", message: "" }).canPass).toBe(false);
    expect(obstacleOfRefusal({ code: "TERRITORY_FULL", message: "" }).canPass).toBe(true);
  });
});
