import { commonSettings, type Environment, readConfig, setting } from "@granary/service-runtime";
import { z } from "zod";

const CORNERS_MIN = 3;

/** "11 47,14 47,14 50": corners, each longitude and latitude. */
const polygon = z.string().transform((text, context) => {
  const corners = text.split(",").map((corner) => corner.trim().split(/\s+/).map(Number));
  const isValid = corners.every(
    ([longitude, latitude, ...more]) =>
      more.length === 0 && Math.abs(longitude ?? Number.NaN) <= 180 && Math.abs(latitude ?? Number.NaN) <= 90,
  );
  if (isValid && corners.length >= CORNERS_MIN) {
    return corners.map(([longitude, latitude]) => ({ longitude: longitude as number, latitude: latitude as number }));
  }
  context.addIssue({ code: "custom", message: "three corners or more, each longitude and latitude in degrees" });
  return z.NEVER;
});

export const settings = z.object({
  ...commonSettings,
  REDIS_URL: setting
    .url("redis:", "rediss:")
    .describe("Redis for the queues of deals; may be wiped at any time")
    .meta({ secret: true }),
  CHAIN_URL: setting.url("ws:", "wss:").describe("nodes of one chain, separated by commas"),
  STAGING_DIR: z.string().min(1).describe("folder of the staged bytes, shared with the ingest-gateway"),
  GATEWAY_MNEMONIC: setting
    .secret()
    .describe("key of the account that signs for this gateway: mnemonic, seed, URI, or a keystore's JSON"),
  GATEWAY_KEY_PASSWORD: setting.secret().optional().describe("what opens the keystore, when the key is one"),
  GATEWAY_DOMAIN: z
    .string()
    .max(50)
    .optional()
    .describe("URL under which the gateway is registered on chain at start; absent: it is not registered"),
  ALLOW_PRIVATE_MINERS: setting
    .flag()
    .default(false)
    .describe("lets miners live in private address space and on one machine: development networks only"),
  REPORT_DEADLINE_BASE: setting
    .duration("90s")
    .default(90_000)
    .describe("time for a miner's report once it holds the whole column"),
  REPORT_DEADLINE_PER_COLUMN: setting
    .duration("9s")
    .default(9_000)
    .describe("added for each of our columns that the miner has not reported yet"),
  REPORT_DEADLINE_MAX: setting.duration("15m").default(900_000).describe("longest time for a report"),
  COOLDOWN_BASE: setting.duration("60s").default(60_000).describe("longest first rest of a miner that failed"),
  COOLDOWN_MAX: setting.duration("6h").default(21_600_000).describe("longest rest of a miner that keeps failing"),
  DECLARE_CONCURRENCY: setting.count().default(8).describe("deals that are declared at a time by this process"),
  SEND_CONCURRENCY: setting.count().default(2).describe("rounds of columns that are sent at a time by this process"),
  SEGMENT_BUFFERS: setting.count().default(3).describe("encoded segments in memory at a time, 96 MiB each"),
  ENCODE_THREADS: setting.count().default(1).describe("worker threads that encode segments"),
  STALL_MIN: setting
    .duration("15s")
    .default(15_000)
    .describe("a miner is not too slow before one fragment has taken this long"),
  STALL_MAX: setting
    .duration("60s")
    .default(60_000)
    .describe("a miner is too slow when one fragment takes this long and others wait for it"),
  HEDGING: setting
    .flag()
    .default(true)
    .describe("sends a column that is late to a second miner too, within a budget of all replicas"),
  LEASE: setting.duration("15s").default(15_000).describe("how long work on a deal is held without a renewal"),
  OBSTACLE_PATIENCE: setting
    .duration("10m")
    .default(600_000)
    .describe("how long a deal waits for an obstacle that its owner can remove, before it has failed"),
  PLACEMENT_PATIENCE: setting
    .duration("1d")
    .default(86_400_000)
    .describe("how long a deal may lack miners for its columns before it has failed; an operator may resume it"),
  PLACEMENT_PREFER: setting.list().prefault("").describe("miners that come first, where an upload prefers none itself"),
  PLACEMENT_FIRST: z.coerce
    .number()
    .int()
    .min(1)
    .max(12)
    .optional()
    .describe("so many columns of a file go by PLACEMENT_PREFER; absent: all that can"),
  PLACEMENT_ONLY: setting.list().prefault("").describe("nobody but these miners; twelve or more"),
  PLACEMENT_AVOID: setting.list().prefault("").describe("none of these miners"),
  PLACEMENT_AREA: polygon
    .optional()
    .describe('corners of the area that no column may leave: longitude and latitude in degrees, "11 47,14 47,14 50"'),
  MINER_PLACES_FILE: z
    .string()
    .optional()
    .describe("table of where miners are and to whom they belong: see the scheduler's README"),
  REVIEW_INTERVAL: setting
    .duration("20s")
    .default(20_000)
    .describe("how often an open deal is compared with the chain, whatever messages came"),
  MINERS_INTERVAL: setting.duration("5m").default(300_000).describe("how often all miners are read again"),
  SWEEP_INTERVAL: setting
    .duration("1s")
    .default(1_000)
    .describe("how often Postgres is searched for work without a job"),
});

export type SchedulerConfig = Readonly<z.infer<typeof settings>>;

/** @throws CodedError CONFIG_INVALID (invalid) */
export const readSchedulerConfig = (environment: Environment): SchedulerConfig => readConfig(settings, environment);
