import { CodedError } from "@granary/primitives";
import { describe, expect, it } from "@jest/globals";
import { followFinalized } from "./follow.js";
import type { Header, Session } from "./session.js";
import type { BlockHash } from "./types.js";

const hashOf = (chain: string, number: number) => `${chain}-${number}` as BlockHash;

/** A node with nothing but block hashes, at rest; another chain takes its place when it was asked for its head twice. */
function fakeNode(height: number, replacement: string): Session {
  let chain = "old";
  let asked = 0;
  const session = {
    genesisHash: async () => hashOf(chain, 0),
    finalizedHash: async () => {
      asked += 1;
      if (asked > 2) chain = replacement;
      return hashOf(chain, height);
    },
    header: async (hash: BlockHash): Promise<Header> => ({
      number: height,
      hash,
      parentHash: hashOf(chain, height - 1),
    }),
    blockHash: async (number: number) => (number <= height ? hashOf(chain, number) : null),
    rpc: { subscribe: async () => ({ stop: () => undefined }) },
  };
  return session as unknown as Session;
}

async function follow(session: Session, stopAfterMs: number): Promise<unknown> {
  const stopping = new AbortController();
  const timer = setTimeout(() => stopping.abort(), stopAfterMs);
  try {
    const after = { number: 7, hash: hashOf("old", 7) };
    const timing = { pollMs: 5, behindMs: 60_000 };
    for await (const _ of followFinalized(session, timing, { after, signal: stopping.signal })) return "a block";
    return "no block";
  } catch (error) {
    return error instanceof CodedError ? error.code : error;
  } finally {
    clearTimeout(timer);
  }
}

describe("following finalized blocks", () => {
  it("notices another chain at the same address that rests at the very height of the last block", async () => {
    expect(await follow(fakeNode(7, "new"), 20_000)).toBe("CHAIN_HISTORY_MISMATCH");
  });

  it("waits for as long as the chain stays the same", async () => {
    expect(await follow(fakeNode(7, "old"), 200)).toBe("no block");
  });
});
