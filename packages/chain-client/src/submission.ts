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

/** A watch that says nothing for this long is not waited for: blocks are read instead. */
const WATCH_SILENCE_MS = 30_000;
const BLOCK_POLL_MS = 1_000;
const OFFER_AGAIN_MS = 5_000;

/** Codes of the transaction pool of a Substrate node. */
const POOL = { invalid: 1010, unknownValidity: 1011, banned: 1012, known: 1013, priority: 1014, full: 1016 };

export async function* submitAndFollow(session: Session, extrinsicHex: string): AsyncGenerator<SubmissionUpdate> {
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
    if (!(error instanceof RpcRefusal)) throw error;
    if (error.code !== POOL.known) throw poolError(error);
    queue.push("lost");
  }
  try {
    while (true) {
      const signal = await queue.next(WATCH_SILENCE_MS, "silent");
      if (signal === "lost" || signal === "silent") break;
      const update = await updateFrom(session, hash, signal.status);
      if (update !== null) yield update;
      if (update !== null && isLast(update)) return;
    }
    yield* followByBlocks(session, extrinsicHex, hash);
  } finally {
    watch?.stop();
  }
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

/** First and last block in which a signed extrinsic may be included, for one that is alive near `current`. */
async function mortalityOf(session: Session, extrinsicHex: string, current: BlockRef) {
  const { registry } = await session.runtimeInState(current.hash);
  const { era } = registry.createTypeUnsafe<Extrinsic>("Extrinsic", [hexToU8a(extrinsicHex)]);
  if (!era.isMortalEra) return { birth: current.number, death: Number.POSITIVE_INFINITY };
  return { birth: era.asMortalEra.birth(current.number), death: era.asMortalEra.death(current.number) - 1 };
}

/**
 * Without a watch: reads every new block of the best chain, until the extrinsic is in a finalized one, or can no longer
 * be because its era is over or its nonce is used. A node that restarted has forgotten it, so it is offered again
 * meanwhile: it has one nonce, so it cannot happen twice.
 */
async function* followByBlocks(session: Session, extrinsicHex: string, hash: string): AsyncGenerator<SubmissionUpdate> {
  let included: Inclusion | null = null;
  const [start] = await heads(session);
  const { birth, death } = await mortalityOf(session, extrinsicHex, start);
  let next = Math.max(birth, 1);
  let offeredAt = 0;
  while (true) {
    let isStale = false;
    if (included === null && Date.now() - offeredAt > OFFER_AGAIN_MS) {
      offeredAt = Date.now();
      isStale = await isNonceUsed(session, extrinsicHex);
    }
    const [finalized, best] = await heads(session);
    if (included !== null && (await session.blockHash(included.block.number)) !== included.block.hash) {
      yield { kind: "retracted", blockHash: included.block.hash };
      next = included.block.number;
      included = null;
    }
    for (; included === null && next <= best.number; next += 1) {
      const block = await session.blockHash(next);
      included = block === null ? null : await inclusionIn(session, block, hash);
      if (included !== null) yield { kind: "inBlock", ...included };
    }
    if (included !== null && included.block.number <= finalized.number) {
      yield { kind: "finalized", ...included };
      return;
    }
    if (included === null && (isStale || finalized.number > death)) {
      yield isStale
        ? { kind: "usurped", reason: "another transaction took its nonce" }
        : { kind: "dropped", reason: "its era ended before it was included" };
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, BLOCK_POLL_MS));
  }
}

/** Offers the extrinsic to the pool again. */
async function isNonceUsed(session: Session, extrinsicHex: string): Promise<boolean> {
  try {
    await session.rpc.send("author_submitExtrinsic", [extrinsicHex]);
    return false;
  } catch (error) {
    return error instanceof RpcRefusal && poolError(error).code === "TX_NONCE_STALE";
  }
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
