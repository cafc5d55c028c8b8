import { WsProvider } from "@polkadot/api";
import { hostOf, type Rpc } from "./rpc.js";
import type { NodeStanding } from "./types.js";

/** What a node said of itself; null where it did not answer. */
export interface Answer {
  readonly genesisHash: string;
  readonly finalized: number;
}

/** Ordinary differences between nodes that are well: blocks on their way, rounds of finality. */
export const LAG_MAX_BLOCKS = 10;
const ANSWER_TIMEOUT_MS = 5_000;

/**
 * Each node against the highest finalized block that any node of the same chain has. The chain is that of the node in
 * use: one with another genesis has no lag, it is none of these.
 */
export function compareNodes(
  urls: readonly string[],
  answers: readonly (Answer | null)[],
  current: number,
): readonly NodeStanding[] {
  const genesisHash = answers[current]?.genesisHash ?? answers.find((answer) => answer !== null)?.genesisHash;
  const ofThisChain = answers.map((answer) => (answer?.genesisHash === genesisHash ? answer : null));
  const highest = Math.max(...ofThisChain.map((answer) => answer?.finalized ?? 0));
  return urls.map((url, index) => {
    const answer = ofThisChain[index] ?? null;
    return {
      host: hostOf(url),
      isCurrent: index === current,
      isUp: answer !== null,
      lagBlocks: answer === null ? null : highest - answer.finalized,
    };
  });
}

/** Nodes to do without while others are there: each is behind one that answered. */
export const laggingNodes = (standings: readonly NodeStanding[]): ReadonlySet<number> =>
  new Set(standings.flatMap(({ lagBlocks }, node) => (lagBlocks !== null && lagBlocks > LAG_MAX_BLOCKS ? [node] : [])));

/** Compares the nodes now and then every `everyMs`, and leaves the one in use when it lags. */
export function watchNodes(
  rpc: Pick<Rpc, "currentNode" | "shun" | "isConnected">,
  urls: readonly string[],
  everyMs: number,
): { standings(): readonly NodeStanding[]; stop(): void } {
  let standings: readonly NodeStanding[] = [];
  let isStopped = false;
  let timer: NodeJS.Timeout | undefined;
  const compare = async () => {
    const answers = await Promise.all(urls.map(askNode));
    if (isStopped) return;
    standings = compareNodes(urls, answers, rpc.currentNode);
    rpc.shun(laggingNodes(standings));
    timer = setTimeout(compare, everyMs);
    timer.unref();
  };
  // Alone, a node is compared with nobody.
  if (urls.length > 1) void compare();
  return {
    standings: () =>
      urls.map((url, node) => {
        const isCurrent = node === rpc.currentNode;
        const isUp = isCurrent ? rpc.isConnected : (standings[node]?.isUp ?? false);
        return { host: hostOf(url), isCurrent, isUp, lagBlocks: standings[node]?.lagBlocks ?? null };
      }),
    stop() {
      isStopped = true;
      clearTimeout(timer);
    },
  };
}

/** Asks a node over a connection of its own, which is closed then. */
export async function askNode(url: string): Promise<Answer | null> {
  const provider = new WsProvider(url, false, {}, ANSWER_TIMEOUT_MS, 0);
  const timer = setTimeout(() => void provider.disconnect().catch(() => undefined), ANSWER_TIMEOUT_MS);
  try {
    const connected = new Promise<void>((resolve, reject) => {
      provider.on("connected", () => resolve());
      for (const event of ["disconnected", "error"] as const) provider.on(event, () => reject(new Error(event)));
    });
    await Promise.all([connected, provider.connect()]);
    const [genesisHash, hash] = await Promise.all([
      provider.send<string>("chain_getBlockHash", [0], false),
      provider.send<string>("chain_getFinalizedHead", [], false),
    ]);
    const { number } = await provider.send<{ number: string }>("chain_getHeader", [hash], false);
    return { genesisHash, finalized: Number(number) };
  } catch {
    return null;
  } finally {
    clearTimeout(timer);
    await provider.disconnect().catch(() => undefined);
  }
}
