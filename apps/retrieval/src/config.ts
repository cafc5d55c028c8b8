import { availableParallelism } from "node:os";
import { slotsMax } from "@granary/erasure";
import { GiB } from "@granary/primitives";
import { commonSettings, type Environment, nativeSettings, readConfig, setting } from "@granary/service-runtime";
import { z } from "zod";

export const settings = z.object({
  ...commonSettings,
  CACHE_DIR: z
    .string()
    .min(1)
    .describe("folder of this process alone for verified segments; may be emptied at any time"),
  CACHE_BYTES: setting
    .bytes("4GiB")
    .default(4 * GiB)
    .describe("what the cache may occupy; 0B for no cache"),
  STAGING_DIR: z.string().min(1).describe("folder of the staged bytes, shared with the ingest-gateway"),
  GATEWAY_MNEMONIC: setting.secret().describe("key of the gateway's account, with which miners are asked"),
  ALLOW_PRIVATE_MINERS: setting
    .flag()
    .default(false)
    .describe("dial miners in private address space: for a network on one machine only"),
  READ_BUFFERS: setting
    .count()
    .max(slotsMax("fragments"))
    .default(4)
    .describe(
      "segments gathered or checked at a time, 32 to 96 MiB each; bounds memory whatever the number of readers",
    ),
  REBUILD_THREADS: setting
    .count()
    .default(Math.min(2, availableParallelism()))
    .describe("worker threads that rebuild and hash segments")
    .meta({ defaultText: "one for each processor, at most 2" }),
  ...nativeSettings,
  HEDGE_AFTER: setting
    .duration("1s")
    .default(1_000)
    .describe("how long a miner we know nothing of may take before another is asked as well"),
  HEDGE_SHARE_MAX: z.coerce
    .number()
    .min(0)
    .max(1)
    .default(0.05)
    .describe("of all requests to miners, the share that may be made only because others are slower than usual"),
});

export type RetrievalConfig = Readonly<z.infer<typeof settings>>;

/** @throws CodedError CONFIG_INVALID (invalid) */
export const readRetrievalConfig = (environment: Environment): RetrievalConfig => readConfig(settings, environment);
