import type { ChainEvent, FollowedBlock } from "@granary/chain-client";
import type { AccountId } from "@granary/primitives";
import { describe, expect, it } from "@jest/globals";
import type { Cursor, IndexerPorts } from "../ports.js";
import { applyBlock, type Place } from "./apply-block.js";

const OWNER = "cXhowner" as AccountId;
const authorized = { kind: "authorized", owner: OWNER, operator: "cXgateway" } as unknown as ChainEvent;

/** Commits as pairs of heights, and the ports that they come through. */
function recordCommits() {
  const commits: [from: number, to: number, owners: number][] = [];
  const ports = {
    chain: { authorizations: async () => [] },
    mirror: {
      deals: async () => new Map(),
      territoriesOverdue: async () => [],
      commit: async (from: Cursor, to: Cursor, { authorizations }: { authorizations: readonly unknown[] }) => {
        commits.push([from.number, to.number, authorizations.length]);
      },
    },
    observer: { blockApplied: () => undefined, factsAnnounced: () => undefined },
  } as unknown as IndexerPorts;
  return { commits, ports };
}

const cursorAt = (number: number): Cursor => ({ genesisHash: "0x00", number, hash: `0x${number}` });

/** Applies blocks after 100 up to the head, of which some change something. */
async function applyUpTo(head: number, changing: ReadonlySet<number>) {
  const { commits, ports } = recordCommits();
  let place: Place = { reached: cursorAt(100), committed: cursorAt(100) };
  for (let number = 101; number <= head; number += 1) {
    const events = changing.has(number) ? [authorized] : [];
    const block = { number, hash: `0x${number}`, parentHash: `0x${number - 1}`, events, headNumber: head };
    place = await applyBlock(ports, place, block as unknown as FollowedBlock);
  }
  return { commits, place };
}

describe("blocks that change nothing", () => {
  it("are committed with the next that does, and with the newest", async () => {
    const { commits, place } = await applyUpTo(110, new Set([104, 105]));
    expect(commits).toEqual([
      [100, 104, 1],
      [104, 105, 1],
      [105, 110, 0],
    ]);
    expect(place).toEqual({ reached: cursorAt(110), committed: cursorAt(110) });
  });

  it("are committed after 64 of them, so that a restart reads no more again", async () => {
    const { commits } = await applyUpTo(300, new Set());
    expect(commits).toEqual([
      [100, 164, 0],
      [164, 228, 0],
      [228, 292, 0],
      [292, 300, 0],
    ]);
  });
});
