import { createHash } from "node:crypto";
import { accountOf } from "@granary/chain-client";
import type { ChainMiner } from "@granary/contracts";
import { MinerError } from "@granary/miner-client";
import { type AccountId, type Fid, GiB, ZERO_FRAGMENT_HASH } from "@granary/primitives";
import type { MinerGate } from "../../src/index.js";
import type { FakeChain } from "./fake-chain.js";

/**
 * honest: takes, and reports. silent: takes, and never reports. refusing: takes nothing. slow: never ends.
 * hesitant: reports only when it is told to.
 */
export type Behaviour = "honest" | "silent" | "refusing" | "slow" | "hesitant" | "dead";

export interface FakeMiner {
  readonly account: AccountId;
  readonly endpoint: string;
  behaviour: Behaviour;
  readonly held: Map<Fid, Set<string>>;
}

/** Sixteen miners as one gate: what the real ones do with fragments, without their HTTP. */
export class FakeMiners implements MinerGate {
  readonly all: FakeMiner[];
  /** Fragments that were sent, with their bytes or by name. */
  readonly sent: { miner: AccountId; fid: Fid; fragment: string; bytes: number }[] = [];
  /** Milliseconds that a put takes. */
  delayMs = 0;
  readonly #chain: FakeChain;

  constructor(chain: FakeChain, count: number) {
    this.#chain = chain;
    this.all = Array.from({ length: count }, (_, n) => ({
      account: accountOf(new Uint8Array(32).fill(n + 1)),
      endpoint: `http://127.0.0.1:${20_000 + n}`,
      behaviour: "honest",
      held: new Map(),
    }));
  }

  of(account: AccountId): FakeMiner {
    return this.all.find((one) => one.account === account) as FakeMiner;
  }

  onChain(): ChainMiner[] {
    return this.all.map(({ account, endpoint }) => ({
      account,
      state: "positive",
      endpoint,
      idleBytes: 100 * GiB,
      serviceBytes: 0,
      lockedBytes: 0,
      declaredBytes: 100 * GiB,
      updatedBlock: 1,
    }));
  }

  async put({ endpoint, fid, fragment, bytes, signal }: Parameters<MinerGate["put"]>[0]): Promise<void> {
    const miner = this.all.find((one) => one.endpoint === endpoint) as FakeMiner;
    if (miner.behaviour === "dead") throw new MinerError("MINER_UNREACHABLE", "nobody answers");
    if (miner.behaviour === "refusing") throw new MinerError("MINER_REFUSED", "no");
    await pause(miner.behaviour === "slow" ? 3_600_000 : this.delayMs, signal);
    const deal = await this.#chain.reader.deal(fid, "best");
    if (deal === null) throw new MinerError("MINER_DEAL_NOT_SEEN", "no such deal");
    if (fragment !== ZERO_FRAGMENT_HASH) {
      const digest = createHash("sha256")
        .update(bytes ?? new Uint8Array())
        .digest("hex");
      if (digest !== fragment) throw new MinerError("MINER_REFUSED", "the fragment hash is wrong");
    }
    this.sent.push({ miner: miner.account, fid, fragment, bytes: bytes?.length ?? 0 });
    const held = miner.held.get(fid) ?? new Set();
    held.add(fragment);
    miner.held.set(fid, held);
    if (miner.behaviour === "honest") this.reportAll(miner, fid);
  }

  /** Reports the first complete column that is free, as the real miner does. */
  reportAll(miner: FakeMiner, fid: Fid): void {
    this.#chain.act((state, block) => {
      const deal = state.deals.get(fid);
      const held = miner.held.get(fid);
      if (deal === undefined || held === undefined) return;
      const columns = Array.from({ length: 12 }, (_, i) => i + 1);
      const index = columns.find(
        (column) =>
          deal.segments.every(({ fragments }) => held.has(fragments[column - 1] as string)) &&
          !deal.reports.some((one) => one.index === column),
      );
      if (index !== undefined) this.#chain.reportIn(state, block, { fid, index, miner: miner.account });
    });
  }

  async ping(endpoint: string): Promise<void> {
    const miner = this.all.find((one) => one.endpoint === endpoint) as FakeMiner;
    if (miner.behaviour === "dead") throw new MinerError("MINER_UNREACHABLE", "nobody answers");
  }
}

const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve, reject) => {
    const abort = () => {
      clearTimeout(timer);
      reject(new MinerError("MINER_CALL_ABORTED", "the caller gave up"));
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", abort);
      resolve();
    }, ms);
    signal.addEventListener("abort", abort, { once: true });
  });
