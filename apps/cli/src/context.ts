import { type ChainClient, connectChain } from "@granary/chain-client";
import { createGateway, type Gateway } from "@granary/sdk";
import { silentLog } from "@granary/telemetry";
import { createOutput, type Output } from "./output.js";
import { createProgress, type Progress, silentProgress } from "./progress.js";
import { type GlobalOptions, resolveSettings, type Settings } from "./settings.js";

/** What a command works with. */
export interface Context {
  readonly settings: Settings;
  readonly gateway: Gateway;
  readonly output: Output;
  progress(options: { label: string; total: number; unit: "bytes" | "steps" }): Progress;
  /** Runs `use` with a connection to the chain. */
  withChain<T>(use: (chain: ChainClient) => Promise<T>): Promise<T>;
}

export function createContext(options: GlobalOptions): Context {
  const settings = resolveSettings(options, process.env, process.cwd());
  const output = createOutput(options.json ?? false);
  return {
    settings,
    output,
    gateway: createGateway(settings.gatewayUrl),
    progress: (bar) => (output.isJson ? silentProgress : createProgress(bar)),
    async withChain(use) {
      const chain = await connectChain({ urls: settings.chainUrl.split(","), log: silentLog });
      try {
        return await use(chain);
      } finally {
        await chain.close();
      }
    },
  };
}
