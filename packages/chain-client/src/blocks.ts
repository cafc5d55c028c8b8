import { blake2AsHex } from "@polkadot/util-crypto";
import { errorOf } from "./failure.js";
import { readBlock } from "./follow.js";
import type { Session } from "./session.js";
import type { BlockHash, ChainEvent, DispatchOutcome, Inclusion } from "./types.js";

const HASH_BITS = 256;

/** The name of an extrinsic: the hash of all its bytes, its length in front included. */
export const extrinsicHashOf = (extrinsicHex: string): string => blake2AsHex(extrinsicHex, HASH_BITS);

/** Where in a block an extrinsic is, and what came of it; null when it is not in it. */
export async function inclusionIn(session: Session, hash: BlockHash, extrinsicHash: string): Promise<Inclusion | null> {
  const answer = await session.rpc.send<{ block: { extrinsics: string[] } } | null>("chain_getBlock", [hash]);
  if (answer === null) return null;
  const extrinsicIndex = answer.block.extrinsics.findIndex((hex) => extrinsicHashOf(hex) === extrinsicHash);
  if (extrinsicIndex < 0) return null;
  const header = await session.header(hash);
  const { events } = await readBlock(session, header, await session.runtimeOf(header));
  const own = events.filter((event) => event.extrinsicIndex === extrinsicIndex);
  const fee = own.find((event) => event.kind === "feePaid")?.amount;
  return {
    block: { number: header.number, hash },
    extrinsicIndex,
    outcome: outcomeOf(own),
    ...(fee === undefined ? {} : { fee }),
  };
}

function outcomeOf(events: readonly ChainEvent[]): DispatchOutcome {
  for (const event of events) {
    if (event.kind === "extrinsicFailed" || event.kind === "sudoFailed") {
      return { ok: false, failure: event.failure, error: errorOf(event.failure) };
    }
  }
  return { ok: true, events };
}
