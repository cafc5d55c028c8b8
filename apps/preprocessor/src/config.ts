import { availableParallelism } from "node:os";
import { commonSettings, type Environment, nativeSettings, readConfig, setting } from "@granary/service-runtime";
import { z } from "zod";

export const settings = z.object({
  ...commonSettings,
  REDIS_URL: setting
    .url("redis:", "rediss:")
    .describe("Redis for the queue of encodings; may be wiped at any time")
    .meta({ secret: true }),
  STAGING_DIR: z.string().min(1).describe("folder of the staged bytes, shared with the ingest-gateway"),
  ENCODE_THREADS: setting
    .count()
    .default(Math.min(4, availableParallelism()))
    .describe("worker threads that encode and hash")
    .meta({ defaultText: "one for each processor, at most 4" }),
  SEGMENT_BUFFERS: setting
    .count()
    .optional()
    .describe("segments in memory at a time, 32 MiB each; default two for each thread, and one that is read meanwhile"),
  ...nativeSettings,
  ENCODE_JOBS: setting.count().default(4).describe("uploads that are encoded at a time by this process"),
  ENCODE_ATTEMPTS: setting
    .count()
    .default(20)
    .describe("attempts after which an upload that cannot be read has failed"),
  ENCODE_LEASE: setting
    .duration("15s")
    .default(15_000)
    .describe("how long an upload is its encoder's without a renewal"),
  ENCODE_BACKOFF: setting
    .duration("1s")
    .default(1_000)
    .describe("pause after the first failed attempt, doubled each time"),
  SWEEP_INTERVAL: setting
    .duration("2s")
    .default(2_000)
    .describe("how often Postgres is searched for work without a job"),
});

export type PreprocessorConfig = Readonly<z.infer<typeof settings>>;

/** @throws CodedError CONFIG_INVALID (invalid) */
export const readPreprocessorConfig = (environment: Environment): PreprocessorConfig =>
  readConfig(settings, environment);
