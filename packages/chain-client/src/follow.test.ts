import { CodedError } from "@granary/primitives";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { TypeRegistry } from "@polkadot/types";
import { type FollowTiming, followFinalized } from "./follow.js";
import type { Header, Session } from "./session.js";
import type { BlockHash } from "./types.js";

interface Place {
  readonly chain: string;
  readonly height: number;
  /** Newer blocks, which are not final yet. */
  readonly best?: { readonly chain: string; readonly height: number };
  /** Since the newest block was made. */
  readonly idleMs?: number;
  readonly isSyncing?: boolean;
}

const hashOf = (chain: string, number: number) => `${chain}-${number}` as BlockHash;
/** Enough of a runtime to ask for the events of a block, of which there are none. */
const registry = Object.defineProperty(new TypeRegistry(), "lookup", {
  value: { getTypeDef: () => ({ type: "Bytes" }) },
});
const meta = { modifier: { isOptional: true }, type: { isPlain: true } };
const runtime = {
  registry,
  decorated: { query: { system: { events: Object.assign(() => new Uint8Array(), { meta }) } } },
};

/** A node with nothing but empty blocks, at rest; another takes its place when it was asked for its head twice. */
function fakeNode(first: Place, next = first) {
  let now = first;
  let asked = 0;
  const subscriptions: { tell(): void; lose(): void }[] = [];
  const session = {
    genesisHash: async () => hashOf(now.chain, 0),
    finalizedHash: async () => {
      asked += 1;
      if (asked > 2) now = next;
      return hashOf(now.chain, now.height);
    },
    header: async (hash: BlockHash): Promise<Header> => {
      const [chain = "", number] = hash.split("-");
      return { number: Number(number), hash, parentHash: hashOf(chain, Number(number) - 1) };
    },
    blockHash: async (number: number) => {
      const { chain, height, best = { chain, height } } = now;
      if (number <= height) return hashOf(chain, number);
      return number <= best.height ? hashOf(best.chain, number) : null;
    },
    snapshot: async () => null,
    read: async () => registry.createType("u64", Date.now() - (now.idleMs ?? 0)),
    runtimeOf: async () => runtime,
    remember: () => undefined,
    rpc: {
      subscribe: async (_names: object, _params: readonly unknown[], tell: () => void, lose: () => void) => {
        subscriptions.push({ tell, lose });
        return { stop: () => undefined };
      },
      send: async (method: string) => (method === "system_health" ? { isSyncing: now.isSyncing ?? false } : null),
    },
  };
  return { session: session as unknown as Session, asked: () => asked, subscriptions };
}

const last: Place = { chain: "old", height: 7 };

/** @returns the code of the error that ends it, or the numbers of the blocks that came until it was stopped */
async function follow(session: Session, signal: AbortSignal, timing: Partial<FollowTiming> = {}): Promise<unknown> {
  const after = { number: last.height, hash: hashOf(last.chain, last.height) };
  const numbers: number[] = [];
  try {
    const blocks = followFinalized(session, { pollMs: 5, behindMs: 3_600_000, ...timing }, { after, signal });
    for await (const { number } of blocks) numbers.push(number);
    return numbers;
  } catch (error) {
    return error instanceof CodedError ? error.code : error;
  }
}

async function until(isSo: () => boolean): Promise<void> {
  const deadline = Date.now() + 60_000;
  while (!isSo()) {
    if (Date.now() > deadline) throw new Error("it did not come to that");
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

describe("following finalized blocks", () => {
  let stopping: AbortController;
  beforeEach(() => {
    stopping = new AbortController();
  });
  afterEach(() => stopping.abort());

  it.each([
    ["rests at the very height of the last block", 7],
    ["is further than the last block already", 9],
    ["is not as far as the last block", 3],
  ])("notices another chain at the same address that %s", async (_, height) => {
    const { session } = fakeNode(last, { chain: "new", height });
    expect(await follow(session, AbortSignal.timeout(60_000))).toBe("CHAIN_HISTORY_MISMATCH");
  });

  it("notices a last block that was never on this chain", async () => {
    const { session } = fakeNode({ chain: "other", height: 9 });
    expect(await follow(session, AbortSignal.timeout(60_000))).toBe("CHAIN_HISTORY_MISMATCH");
  });

  // The last block is 7 of "old".
  const waited: readonly (readonly [string, Place])[] = [
    [
      "has the last block, and does not call it final yet",
      { chain: "old", height: 5, best: { chain: "old", height: 9 } },
    ],
    ["is at rest, as an old copy is", { chain: "old", height: 5, idleMs: 600_000 }],
    ["is catching up", { chain: "old", height: 5, isSyncing: true }],
  ];
  it.each(waited)("waits for a node that is behind, however long, when it %s", async (_, place) => {
    const { session, asked } = fakeNode(place);
    const following = follow(session, stopping.signal, { behindMs: 50 });
    await Promise.race([until(() => asked() > 40), following]);
    stopping.abort();
    expect(await following).toEqual([]);
  });

  it("takes blocks that are not final for nobody's history", async () => {
    const fork = { chain: "old", height: 5, best: { chain: "fork", height: 8 } };
    const { session, asked } = fakeNode(fork, { chain: "old", height: 8 });
    const following = follow(session, stopping.signal);
    await Promise.race([until(() => asked() > 3), following]);
    stopping.abort();
    expect(await following).toEqual([8]);
  });

  it.each<readonly [string, Place]>([
    ["lower", { chain: "old", height: 5 }],
    ["with other blocks to come", { chain: "old", height: 5, best: { chain: "new", height: 9 } }],
  ])("takes a chain that goes on %s for another history after a while", async (_, place) => {
    const { session } = fakeNode(place);
    const signal = AbortSignal.timeout(60_000);
    expect(await follow(session, signal, { behindMs: 50 })).toBe("CHAIN_HISTORY_MISMATCH");
  });

  it("gives every block once when the chain goes on, and waits while it rests", async () => {
    const { session, asked } = fakeNode(last, { chain: "old", height: 60 });
    const following = follow(session, stopping.signal);
    await Promise.race([until(() => asked() > 6), following]);
    stopping.abort();
    expect(await following).toEqual(Array.from({ length: 53 }, (_, i) => 8 + i));
  });

  it("asks for the head when one is told of, and when the telling is lost, which is asked for again; stops at once", async () => {
    const { session, asked, subscriptions } = fakeNode(last);
    const following = follow(session, stopping.signal, { pollMs: 3_600_000 });
    await until(() => asked() === 1);
    subscriptions[0]?.tell();
    await until(() => asked() === 2);
    subscriptions[0]?.lose();
    await until(() => asked() === 3 && subscriptions.length === 2);
    subscriptions[1]?.tell();
    await until(() => asked() === 4);
    stopping.abort();
    expect(await following).toEqual([]);
  });
});
