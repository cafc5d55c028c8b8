import type { ChainClient } from "@granary/chain-client";
import { CodedError, type Fid } from "@granary/primitives";
import type { Log } from "@granary/telemetry";
import type { MinerChain, Standing } from "../ports.js";
import { createDealCache } from "./deal-cache.js";

/** All miners of a process look at a FID within the same moment: one read answers them. */
const STANDING_AGE_MS = 500;

export interface SharedChain extends MinerChain {
  /** Calls back with the FIDs that a finalized block speaks of, until the signal. */
  follow(onBlock: (fids: ReadonlySet<Fid>) => void, signal: AbortSignal, log: Log): Promise<void>;
}

export function createSharedChain(client: ChainClient): SharedChain {
  const { reader, writer, calls } = client;
  const deals = createDealCache(reader, () => performance.now());
  return {
    isConnected: () => client.isConnected(),
    deal: (fid, maxAgeMs) => deals.read(fid, maxAgeMs),
    async standing(fid): Promise<Standing> {
      const deal = await deals.read(fid, STANDING_AGE_MS);
      if (deal !== null) return { kind: "deal", deal };
      const file = await reader.file(fid, "finalized");
      if (file !== null) return { kind: "file", file };
      const [newFile, oldDeal] = await Promise.all([reader.file(fid, "best"), reader.deal(fid, "finalized")]);
      return { kind: newFile === null && oldDeal === null ? "absent" : "unsettled" };
    },
    async report(signer, index, fid) {
      try {
        await writer.signAndInclude(signer, calls.transferReport(index, fid));
        return "reported";
      } catch (error) {
        const code = error instanceof CodedError ? error.code : null;
        if (code === "CHAIN_ENTRY_EXISTS") return "taken";
        if (code === "CHAIN_ENTRY_UNKNOWN") return "gone";
        throw error;
      } finally {
        deals.forget(fid);
      }
    },
    follow: (onBlock, signal, log) =>
      followBlocks(
        client,
        (fids) => {
          for (const fid of fids) deals.forget(fid);
          onBlock(fids);
        },
        signal,
        log,
      ),
  };
}

const RECONNECT_PAUSE_MS = 1000;

/** Missing a block costs nothing but time: every FID is looked at again by the poll. */
async function followBlocks(
  { reader }: ChainClient,
  onBlock: (fids: ReadonlySet<Fid>) => void,
  signal: AbortSignal,
  log: Log,
): Promise<void> {
  while (!signal.aborted) {
    try {
      const after = await reader.finalizedHead();
      for await (const block of reader.followFinalized({ after, signal })) {
        onBlock(new Set(block.events.flatMap((event) => ("fid" in event ? [event.fid] : []))));
      }
    } catch (error) {
      if (signal.aborted) return;
      log.thrown("the chain is not followed for a moment", error);
    }
    await pause(RECONNECT_PAUSE_MS, signal);
  }
}

const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const timer = setTimeout(resolve, ms);
    signal.addEventListener(
      "abort",
      () => {
        clearTimeout(timer);
        resolve();
      },
      { once: true },
    );
  });
