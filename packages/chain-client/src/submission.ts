import { CodedError } from "@granary/primitives";
import type { Extrinsic } from "@polkadot/types/interfaces";
import { hexToU8a } from "@polkadot/util";
import { extrinsicHashOf, inclusionIn } from "./blocks.js";
import { RpcRefusal } from "./rpc.js";
import type { Session } from "./session.js";
import type { BlockHash, BlockRef, Inclusion, SubmissionUpdate } from "./types.js";

/** What a node says of a watched extrinsic: a word, or an object with one word and a value. */
type NodeStatus = string | Readonly<Record<string, unknown>>;
type Signal = { readonly status: NodeStatus } | "lost" | "silent";

const watching = {
  subscribe: "author_submitAndWatchExtrinsic",
  unsubscribe: "author_unwatchExtrinsic",
  update: "author_extrinsicUpdate",
} as const;

const BLOCK_POLL_MS = 1_000;
const OFFER_AGAIN_MS = 5_000;
/** How long a chain that cannot be reached is waited for. */
const UNREACHABLE_PATIENCE_MS = 120_000;

/** Codes of the transaction pool of a Substrate node. */
const POOL = { invalid: 1010, unknownValidity: 1011, banned: 1012, known: 1013, priority: 1014, full: 1016 };

/** @param watchSilenceMs a watch that says nothing for this long is not waited for: blocks are read instead */
export async function* submitAndFollow(
  session: Session,
  extrinsicHex: string,
  watchSilenceMs: number,
): AsyncGenerator<SubmissionUpdate> {
  const hash = extrinsicHashOf(extrinsicHex);
  const queue = createQueue<Signal>();
  let watch: { stop(): void } | null = null;
  try {
    watch = await session.rpc.subscribe<NodeStatus>(
      watching,
      [extrinsicHex],
      (status) => queue.push({ status }),
      () => queue.push("lost"),
    );
  } catch (error) {
    throwUnlessKnown(error);
    queue.push("lost");
  }
  try {
    while (true) {
      const signal = await queue.next(watchSilenceMs, "silent");
      if (signal === "lost" || signal === "silent") break;
      const update = await updateFrom(session, hash, signal.status).catch(nullIfUnreachable);
      if (update !== null) yield update;
      if (update !== null && isLast(update)) return;
    }
    yield* followByBlocks(session, extrinsicHex, hash);
  } finally {
    watch?.stop();
  }
}

/** What the watch could not learn, reading blocks will: the connection that broke ends the watch as well. */
function nullIfUnreachable(error: unknown): null {
  if (error instanceof CodedError && error.code === "CHAIN_UNREACHABLE") return null;
  throw error;
}

const isLast = (update: SubmissionUpdate): boolean =>
  update.kind !== "accepted" && update.kind !== "inBlock" && update.kind !== "retracted";

async function updateFrom(session: Session, hash: string, status: NodeStatus): Promise<SubmissionUpdate | null> {
  const [word, value] = typeof status === "string" ? [status, null] : (Object.entries(status)[0] ?? ["", null]);
  switch (word) {
    case "ready":
    case "future":
      return { kind: "accepted" };
    case "inBlock":
    case "finalized":
      return { kind: word, ...(await inclusionAt(session, String(value), hash)) };
    case "retracted":
      return { kind: "retracted", blockHash: String(value) };
    case "usurped":
      return { kind: "usurped", reason: "another transaction took its nonce" };
    case "dropped":
      return { kind: "dropped", reason: "the node dropped it from its pool" };
    case "invalid":
      return { kind: "invalid", reason: "it is no longer valid" };
    case "finalityTimeout":
      return { kind: "unfinalized", reason: "its block was not finalized in time" };
    default:
      return null;
  }
}

async function inclusionAt(session: Session, block: BlockHash, hash: string): Promise<Inclusion> {
  const inclusion = await inclusionIn(session, block, hash);
  if (inclusion !== null) return inclusion;
  throw new CodedError("TX_NOT_IN_BLOCK", "bug", "the node names a block that does not have the transaction", {
    block,
  });
}

/** First and last block in which a signed extrinsic may be included, for one that is alive at the `best` block. */
async function mortalityOf(session: Session, extrinsicHex: string, best: BlockRef) {
  const { registry } = await session.runtimeInState(best.hash);
  const { era } = registry.createTypeUnsafe<Extrinsic>("Extrinsic", [hexToU8a(extrinsicHex)]);
  if (!era.isMortalEra) return { birth: best.number, death: Number.POSITIVE_INFINITY };
  return { birth: era.asMortalEra.birth(best.number), death: era.asMortalEra.death(best.number) - 1 };
}

/**
 * Without a watch: reads every new block of the best chain, until the extrinsic is in a finalized one, or can no longer
 * be because its era is over or its nonce is used. A node that restarted has forgotten it, so it is offered again
 * meanwhile: it has one nonce, so it cannot happen twice.
 */
async function* followByBlocks(session: Session, extrinsicHex: string, hash: string): AsyncGenerator<SubmissionUpdate> {
  const search = createSearch(session, extrinsicHex, hash);
  let brokenSince: number | null = null;
  while (true) {
    try {
      for (const update of await search()) {
        yield update;
        if (isLast(update)) return;
      }
      brokenSince = null;
    } catch (error) {
      brokenSince ??= Date.now();
      const isPatient = Date.now() - brokenSince < UNREACHABLE_PATIENCE_MS;
      if (!(error instanceof CodedError && error.code === "CHAIN_UNREACHABLE" && isPatient)) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, BLOCK_POLL_MS));
  }
}

/** Each call of the result looks at what is new since the last and says what that means. */
function createSearch(session: Session, extrinsicHex: string, hash: string): () => Promise<SubmissionUpdate[]> {
  let mortality: { birth: number; death: number } | null = null;
  let included: Inclusion | null = null;
  let next = 0;
  let offeredAt = 0;

  const offerAgain = async (): Promise<boolean> => {
    if (included !== null || Date.now() - offeredAt < OFFER_AGAIN_MS) return false;
    offeredAt = Date.now();
    return isNonceUsed(session, extrinsicHex);
  };

  return async () => {
    const updates: SubmissionUpdate[] = [];
    // Asked before the blocks are read: a nonce that is used now was used by a block that is then seen.
    const isStale = await offerAgain();
    const [finalized, best] = await heads(session);
    mortality ??= await mortalityOf(session, extrinsicHex, best);
    next = Math.max(next, mortality.birth, 1);
    if (included !== null && (await session.blockHash(included.block.number)) !== included.block.hash) {
      updates.push({ kind: "retracted", blockHash: included.block.hash });
      next = included.block.number;
      included = null;
    }
    for (; included === null && next <= best.number; next += 1) {
      const block = await session.blockHash(next);
      included = block === null ? null : await inclusionIn(session, block, hash);
      if (included !== null) updates.push({ kind: "inBlock", ...included });
    }
    if (included !== null) {
      if (included.block.number <= finalized.number) updates.push({ kind: "finalized", ...included });
    } else if (isStale) {
      updates.push({ kind: "usurped", reason: "another transaction took its nonce" });
    } else if (finalized.number > mortality.death) {
      updates.push({ kind: "dropped", reason: "its era ended before it was included" });
    }
    return updates;
  };
}

/** Offers the extrinsic to the pool again. */
async function isNonceUsed(session: Session, extrinsicHex: string): Promise<boolean> {
  try {
    await offer(session, extrinsicHex);
    return false;
  } catch (error) {
    return error instanceof CodedError && error.code === "TX_NONCE_STALE";
  }
}

/** Puts the extrinsic into the pool, where it may be already. @throws CodedError as the pool refuses it */
export async function offer(session: Session, extrinsicHex: string): Promise<void> {
  try {
    await session.rpc.send("author_submitExtrinsic", [extrinsicHex]);
  } catch (error) {
    throwUnlessKnown(error);
  }
}

/** That the pool has an extrinsic already is no failure. */
function throwUnlessKnown(error: unknown): void {
  if (!(error instanceof RpcRefusal)) throw error;
  if (error.code !== POOL.known) throw poolError(error);
}

async function heads(session: Session): Promise<readonly [BlockRef, BlockRef]> {
  return Promise.all([session.finalizedHash().then((hash) => session.header(hash)), session.header()]);
}

function poolError(refusal: RpcRefusal): CodedError {
  const options = { cause: refusal };
  const text = refusal.message;
  const made = (code: string, category: CodedError["category"], message: string) =>
    new CodedError(code, category, message, { poolCode: refusal.code, reason: text.slice(0, 200) }, options);
  if (/outdated|stale/i.test(text)) return made("TX_NONCE_STALE", "conflict", "the nonce is used already");
  if (/birth block|ancient/i.test(text)) return made("TX_MORTALITY_EXPIRED", "conflict", "the transaction is too old");
  if (/pay some fees|balance too low/i.test(text)) {
    return made("TX_FEES_UNPAYABLE", "exhausted", "the signing account cannot pay the fees");
  }
  if (refusal.code === POOL.priority) return made("TX_NONCE_TAKEN", "conflict", "the pool has one with this nonce");
  if (refusal.code === POOL.full) return made("TX_POOL_FULL", "exhausted", "the node's pool is full");
  if (refusal.code === POOL.banned) return made("TX_BANNED", "conflict", "the node refuses this one for some minutes");
  return made("TX_REFUSED", "invalid", "the node refuses the transaction");
}

interface Queue<T> {
  push(value: T): void;
  next(timeoutMs: number, otherwise: T): Promise<T>;
}

function createQueue<T>(): Queue<T> {
  const values: T[] = [];
  let wake: (() => void) | null = null;
  return {
    push(value) {
      values.push(value);
      wake?.();
    },
    async next(timeoutMs, otherwise) {
      if (values.length === 0) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, timeoutMs);
          wake = () => {
            clearTimeout(timer);
            resolve();
          };
        });
        wake = null;
      }
      return values.shift() ?? otherwise;
    },
  };
}
