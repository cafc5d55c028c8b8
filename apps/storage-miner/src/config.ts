import { readFileSync } from "node:fs";
import { CodedError, parseBytes, parseDuration } from "@granary/primitives";
import { z } from "zod";
import { type Behaviour, behaviourSchema } from "./behaviour.js";

const withUnit = (parse: (text: string) => number, plainUnit: string) =>
  z.string().transform((text, context) => {
    try {
      return parse(/^\d+$/.test(text) ? `${text}${plainUnit}` : text);
    } catch (error) {
      context.addIssue({ code: "custom", message: (error as Error).message });
      return z.NEVER;
    }
  });

const duration = withUnit(parseDuration, "ms").describe("duration, e.g. 10s");
const port = z.coerce.number().int().min(1).max(65_535);

/** "2=dead,5=slow:50000": the third miner is dead, the sixth is slow. */
const behaviours = z.string().transform((text, context) => {
  const byIndex = new Map<number, Behaviour>();
  for (const item of text.split(",").filter((one) => one.trim() !== "")) {
    const [, index, kind, rate] = /^\s*(\d+)=([a-z]+)(?::(\d+))?\s*$/.exec(item) ?? [];
    const extra =
      rate === undefined ? {} : kind === "slow" ? { bytesPerSecond: Number(rate) } : { bytes: Number(rate) };
    const parsed = behaviourSchema.safeParse({ kind, ...extra });
    if (index !== undefined && parsed.success) byIndex.set(Number(index), parsed.data);
    else context.addIssue({ code: "custom", message: `"${item}" is not <number>=<behaviour>` });
  }
  return byIndex;
});

export const settings = z.object({
  MINER_COUNT: z.coerce.number().int().min(1).max(1000).default(16).describe("miners in this process"),
  MINER_PORT_BASE: port.default(15_001).describe("port of the first miner; the others follow"),
  MINER_PORTS: z
    .string()
    .transform((text) => text.split(",").map(Number))
    .pipe(z.array(z.number().int().min(1).max(65_535)))
    .optional()
    .describe("a port for each miner, instead of MINER_PORT_BASE and MINER_COUNT"),
  MINER_HOST: z.string().default("127.0.0.1").describe("address that miners listen on"),
  MINER_PUBLIC_HOST: z.string().optional().describe("host name in the endpoints on chain, if not MINER_HOST"),
  MINER_SEED_PREFIX: z
    .string()
    .min(1)
    .default("//Granary//miner")
    .describe("secret URI of which //<n> is the account of miner n")
    .meta({ secret: true }),
  MINER_DATA_DIR: z.string().min(1).describe("folder of all miners; each has its own below it"),
  CHAIN_URL: z.string().min(1).describe("ws:// addresses of chain nodes, separated by commas"),
  MINER_ADMIN_PORT: port.default(15_000).describe("port of the control API, health and metrics"),
  MINER_ADMIN_HOST: z
    .string()
    .default("127.0.0.1")
    .describe("address that the control API listens on; it obeys everybody who reaches it"),
  MINER_IDLE_BYTES: withUnit(parseBytes, "B")
    .describe("size, e.g. 1TiB")
    .default(1024 ** 4)
    .describe("space that each miner brings"),
  MINER_REPORT_POLL_MS: duration.default(1000).describe("pause between looks at the chain"),
  MINER_REPORT_EAGER: z
    .enum(["true", "false"])
    .transform((text) => text === "true")
    .default(true)
    .describe("also look when a fragment arrives or a block speaks of a file"),
  MINER_ABSENCE_GRACE_MS: duration.default(60_000).describe("how long fragments outlive their deal or file"),
  MINER_FUNDING_URI: z
    .string()
    .optional()
    .describe("secret URI of the account that pays stake and fees")
    .meta({ secret: true }),
  MINER_TEE_MASTER_URI: z
    .string()
    .optional()
    .describe("secret URI of the TEE workers' master key, on a chain for development that verifies it")
    .meta({ secret: true }),
  MINER_BEHAVIOURS: behaviours.default(new Map()).describe("miners that do not behave: <number>=<behaviour>,…"),
  LOG_LEVEL: z
    .enum(["debug", "info", "warn", "error", "silent"])
    .default("info")
    .describe("least level of what is written to the log"),
  OTEL_EXPORTER_OTLP_ENDPOINT: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe("collector that takes OTLP over HTTP (JSON); without it no traces are recorded"),
  OTEL_BSP_SCHEDULE_DELAY: z.coerce
    .number()
    .int()
    .positive()
    .default(5_000)
    .describe("milliseconds that a span waits at most to be sent"),
});

export type MinerConfig = Readonly<z.infer<typeof settings>>;

/** `X_FILE` names a file that holds the value of `X`. @throws CodedError CONFIG_INVALID (invalid), with all problems */
export function readMinerConfig(environment: Readonly<Record<string, string | undefined>>): MinerConfig {
  const values: Record<string, string> = {};
  const problems: string[] = [];
  for (const name of Object.keys(settings.shape)) {
    const file = environment[`${name}_FILE`];
    const value = environment[name];
    if (value !== undefined && file !== undefined) problems.push(`${name}: both ${name} and ${name}_FILE are set`);
    if (value !== undefined && value !== "") values[name] = value;
    else if (file !== undefined) {
      try {
        values[name] = readFileSync(file, "utf8").trim();
      } catch (error) {
        problems.push(`${name}_FILE: ${(error as Error).message}`);
      }
    }
  }
  const parsed = settings.safeParse(values);
  if (!parsed.success)
    problems.push(...parsed.error.issues.map(({ path, message }) => `${path.join(".")}: ${message}`));
  if (problems.length === 0 && parsed.success) return Object.freeze(parsed.data);
  throw new CodedError("CONFIG_INVALID", "invalid", `the configuration has problems:\n  ${problems.join("\n  ")}`);
}

/** One port for each miner. */
export const portsOf = (config: MinerConfig): readonly number[] =>
  config.MINER_PORTS ?? Array.from({ length: config.MINER_COUNT }, (_, place) => config.MINER_PORT_BASE + place);
