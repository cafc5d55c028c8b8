import { createHash } from "node:crypto";
import { digestOf, type Fid, FRAGMENT_BYTES, type FragmentHash, ZERO_FRAGMENT_HASH } from "@granary/primitives";
import type { Log } from "@granary/telemetry";
import type { FragmentStore, MinerChain } from "../ports.js";
import { type Reply, replies } from "../reply.js";

export interface FragmentOffer {
  readonly fid: Fid;
  readonly fragment: FragmentHash;
  /** The bytes, if they are asked for. Ends early or throws when the sender breaks off. */
  readonly bytes: () => AsyncIterable<Uint8Array>;
}

export interface AcceptPorts {
  readonly store: FragmentStore;
  readonly chain: Pick<MinerChain, "deal">;
  readonly log: Pick<Log, "thrown">;
}

/** A deal that was seen this long ago is still good enough to take a fragment of it. */
const DEAL_AGE_MS = 10_000;

/**
 * Takes a fragment that an open deal lists; one that is held already is taken again at no cost. The deal is asked for
 * before the first byte, so that a stranger cannot fill the disk. A crash midway leaves an unnamed file, which the next
 * start removes. @throws whatever reading the bytes throws
 */
export async function acceptFragment(ports: AcceptPorts, offer: FragmentOffer): Promise<Reply> {
  const { fid, fragment } = offer;
  if (ports.store.held(fid).has(fragment)) return replies.ok;
  const refusal = await checkDeal(ports, fid, fragment);
  if (refusal !== null) return refusal;
  if (fragment === ZERO_FRAGMENT_HASH) {
    await ports.store.makeZeros(fid, fragment);
    return replies.ok;
  }
  return receive(ports.store, offer);
}

async function checkDeal({ chain, log }: AcceptPorts, fid: Fid, fragment: FragmentHash): Promise<Reply | null> {
  try {
    for (const maxAgeMs of [DEAL_AGE_MS, 0]) {
      const deal = await chain.deal(fid, maxAgeMs);
      if (deal?.segments.some(({ fragments }) => fragments.includes(fragment)) === true) return null;
    }
    return replies.dealUnknown;
  } catch (error) {
    log.thrown("a deal could not be read", error, { fid });
    return replies.chainUnreachable;
  }
}

async function receive(store: FragmentStore, { fid, fragment, bytes }: FragmentOffer): Promise<Reply> {
  const incoming = await store.receive(fid, fragment);
  let isStored = false;
  try {
    const hash = createHash("sha256");
    let sizeBytes = 0;
    for await (const chunk of bytes()) {
      sizeBytes += chunk.length;
      if (sizeBytes > FRAGMENT_BYTES) return replies.sizeWrong;
      hash.update(chunk);
      await incoming.write(chunk);
    }
    if (sizeBytes !== FRAGMENT_BYTES) return replies.sizeWrong;
    if (digestOf(hash.digest()) !== fragment) return replies.hashWrong;
    await incoming.commit();
    isStored = true;
    return replies.ok;
  } finally {
    if (!isStored) await incoming.discard();
  }
}
