import { CodedError } from "@granary/primitives";
import { numberOf } from "./codec.js";
import { decodeEvents } from "./decode-event.js";
import { pruned } from "./rpc.js";
import { type Runtime, storageEntry, storageKey } from "./runtime.js";
import type { Header, Session } from "./session.js";
import type { BlockRef, FinalizedBlock, FollowedBlock } from "./types.js";

export interface FollowTiming {
  /** The finalized head is asked for at least this often, whatever the subscription says. */
  readonly pollMs: number;
  /** A node that stays this long behind where we were, and is not catching up, has another history. */
  readonly behindMs: number;
}

/** Blocks that are fetched at once when there is a gap. */
const AHEAD = 16;
const finalizedHeads = {
  subscribe: "chain_subscribeFinalizedHeads",
  unsubscribe: "chain_unsubscribeFinalizedHeads",
  update: "chain_finalizedHead",
} as const;

/**
 * The head is asked for; the subscription only says when to ask. So a subscription that is silent, or lost with its
 * connection, costs at most `pollMs` and never a block.
 */
export async function* followFinalized(
  session: Session,
  timing: FollowTiming,
  options: { after: BlockRef; signal: AbortSignal },
): AsyncGenerator<FollowedBlock> {
  const bell = createBell(options.signal);
  const hints = createHints(session, bell.ring);
  let last = options.after;
  let behindSince: number | null = null;
  try {
    const genesis = await session.genesisHash();
    while (!options.signal.aborted) {
      await hints.ensure();
      const head = await session.header(await session.finalizedHash());
      // Two finalized blocks of one height: this is not the chain that was followed, also when it grows no more.
      if (head.number === last.number && head.hash !== last.hash) throw mismatch(last);
      if (head.number < last.number) {
        behindSince ??= Date.now();
        // A node that begins anew at the same address is another chain, however short it still is.
        if ((await session.genesisHash()) !== genesis) throw mismatch(last);
        if (Date.now() - behindSince > timing.behindMs) await checkBehind(session, last);
      } else behindSince = null;
      for await (const block of blocksBetween(session, last, head, options.signal)) {
        yield { ...block, headNumber: head.number };
        last = block;
      }
      if (head.number <= last.number) await bell.wait(timing.pollMs);
    }
  } finally {
    hints.stop();
  }
}

const mismatch = (after: BlockRef): CodedError =>
  new CodedError("CHAIN_HISTORY_MISMATCH", "conflict", "this chain does not have the block that was read last", {
    number: after.number,
    hash: after.hash,
  });

const behind = (number: number): CodedError =>
  new CodedError("CHAIN_NODE_BEHIND", "unavailable", "the node does not have this block yet", { number });

/** Blocks of a chain that goes on are not older than this. */
const FRESH_MS = 120_000;

/**
 * A node that is behind may be slow, cut off from its peers, or restored from an old copy: then its newest block is old,
 * and what it lacks is still true. It may have the last block and not know yet that it is final. Only a chain that makes
 * new blocks at a lower height, without that one, is another history.
 */
async function checkBehind(session: Session, last: BlockRef): Promise<void> {
  if ((await session.blockHash(last.number)) === last.hash) return;
  const { isSyncing } = await session.rpc.send<{ isSyncing: boolean }>("system_health");
  if (!isSyncing && Date.now() - (await madeAt(session)) < FRESH_MS) throw mismatch(last);
}

/** When the best block was made, by its author's clock. */
async function madeAt(session: Session): Promise<number> {
  const value = await session.read(await session.snapshot("best"), "Timestamp", "Now");
  return value === null ? 0 : numberOf(value);
}

/**
 * Blocks after `last` up to `head`, each checked to be the child of the one before. They are fetched some at a time, the
 * next ones while the present ones are worked on.
 */
async function* blocksBetween(
  session: Session,
  last: BlockRef,
  head: Header,
  signal: AbortSignal,
): AsyncGenerator<FinalizedBlock> {
  let parent = last;
  let ahead: ReturnType<typeof fetchRun> | null = null;
  for (let from = last.number + 1; from <= head.number && !signal.aborted; from += AHEAD) {
    const blocks = await (ahead ?? fetchRun(session, from, head));
    ahead = fetchRun(session, from + AHEAD, head);
    // Its failure is met when it is waited for; where nobody comes to that, it does not matter.
    ahead.catch(() => undefined);
    for (const block of blocks) {
      if (block.parentHash !== parent.hash) throw mismatch(parent);
      if (signal.aborted) return;
      yield block;
      parent = block;
    }
  }
}

/** Blocks from a height on, some of them, none above the head. */
async function fetchRun(session: Session, from: number, head: Header): Promise<readonly FinalizedBlock[]> {
  const length = Math.max(0, Math.min(AHEAD, head.number - from + 1));
  if (length === 0) return [];
  const numbers = Array.from({ length }, (_, index) => from + index);
  const headers = await Promise.all(numbers.map((number) => headerAt(session, number, head)));
  const runtimes = await runtimesOf(session, headers);
  return Promise.all(headers.map((header, index) => readBlock(session, header, runtimes[index] as Runtime)));
}

async function headerAt(session: Session, number: number, head: Header): Promise<Header> {
  if (number === head.number) return head;
  const hash = await session.blockHash(number);
  if (hash === null) {
    const { number: finalized } = await session.header(await session.finalizedHash());
    // Another node than the one that told of the head, and not as far.
    if (finalized < number) throw behind(number);
    throw pruned({ number });
  }
  return session.header(hash);
}

/** Versions only rise: when the first and the last block of a run were made by one runtime, all were. */
async function runtimesOf(session: Session, headers: readonly Header[]): Promise<readonly Runtime[]> {
  const first = await session.runtimeOf(headers[0] as Header);
  const last = await session.runtimeOf(headers.at(-1) as Header);
  if (first !== last) return Promise.all(headers.map((header) => session.runtimeOf(header)));
  for (const header of headers) session.remember(header.hash, first);
  return headers.map(() => first);
}

/** A block with its decoded events. */
export async function readBlock(session: Session, header: Header, runtime: Runtime): Promise<FinalizedBlock> {
  const key = storageKey(runtime, storageEntry(runtime, "System", "Events"), []);
  const raw = await session.rpc.send<string | null>("state_getStorage", [key, header.hash]);
  return {
    number: header.number,
    hash: header.hash,
    parentHash: header.parentHash,
    events: decodeEvents(runtime, raw),
  };
}

/** Something to wait on that others, time and an abort can end. */
function createBell(signal: AbortSignal): { ring(): void; wait(timeoutMs: number): Promise<void> } {
  let wake: (() => void) | null = null;
  let isRung = false;
  const ring = () => {
    isRung = true;
    wake?.();
  };
  signal.addEventListener("abort", ring);
  return {
    ring,
    async wait(timeoutMs) {
      if (!isRung) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, timeoutMs);
          wake = () => {
            clearTimeout(timer);
            resolve();
          };
        });
      }
      wake = null;
      isRung = signal.aborted;
    },
  };
}

/** A subscription to finalized heads that is renewed when it is lost. It is a comfort: failing to have it is no error. */
function createHints(session: Session, ring: () => void): { ensure(): Promise<void>; stop(): void } {
  let current: { stop(): void } | null = null;
  let isStopped = false;
  return {
    async ensure() {
      if (current !== null || isStopped) return;
      current = { stop: () => undefined };
      try {
        const lost = () => {
          current = null;
          ring();
        };
        const subscription = await session.rpc.subscribe(finalizedHeads, [], ring, lost);
        if (current !== null) current = subscription;
        if (isStopped) subscription.stop();
      } catch {
        current = null;
      }
    },
    stop() {
      isStopped = true;
      current?.stop();
    },
  };
}
