import { FILE_BYTES_MAX, parseBytes } from "@granary/primitives";
import { commonSettings, Secret, setting } from "@granary/service-runtime";
import { z } from "zod";
import { checkGrpcSettings, grpcSettings } from "./grpc/settings.js";
import { parseKeyring } from "./identity/keyring.js";

const TOKEN_LENGTH_MIN = 16;

/** Tokens by the name of whom they belong to. */
function operatorsOf(text: string, context: z.RefinementCtx): ReadonlyMap<string, Secret> {
  const operators = new Map<string, Secret>();
  for (const item of text.split(",").filter((one) => one.trim() !== "")) {
    const [, name, token] = /^\s*([\w.@-]{1,100})=(\S+)\s*$/.exec(item) ?? [];
    if (name !== undefined && token !== undefined && token.length >= TOKEN_LENGTH_MIN && !operators.has(name)) {
      operators.set(name, new Secret(token));
    } else context.addIssue({ code: "custom", message: "each operator once, as name=token with a long token" });
  }
  return operators;
}

/** Everything that can be set of the gateway. Names are names of environment variables. */
const settings = z.object({
  ...commonSettings,
  ...grpcSettings,
  PUBLIC_URL: setting.url("http:", "https:").optional().describe("address that clients use, for links in answers"),
  RETRIEVAL_URL: setting.url("http:", "https:").describe("the retrieval service's internal address"),
  STAGING_DIR: z.string().min(1).describe("folder of the staged bytes of uploads"),
  STAGING_RESERVE: setting.bytes("1GiB").prefault("1GiB").describe("room that stays free on the staging volume"),

  OBJECT_MAX: setting
    .bytes("31GiB")
    .prefault(`${FILE_BYTES_MAX}B`)
    .refine((bytes) => bytes <= FILE_BYTES_MAX, "more than the chain takes in one order")
    .describe("largest object that is accepted"),
  PART_MAX: setting.bytes("1GiB").prefault("1GiB").describe("largest chunk of a chunked upload"),
  FORM_FILES_MAX: setting.count().default(100).describe("files in one batch upload"),
  UPLOADS_MAX: setting.count().default(256).describe("bodies that are received at the same time"),
  CIPHER_UPLOADS_MAX: setting
    .count()
    .default(4)
    .describe("of those, encrypted ones: each holds two segments in memory"),
  ENCRYPTION_DEFAULT: z
    .enum(["none", "aes-256-gcm"])
    .default("none")
    .describe("how uploads are encrypted that do not say so; none keeps the FIDs that other gateways would give"),
  KEY_ENCRYPTION_KEYS: setting
    .secret()
    .refine(isKeyring, "each key is ID:BASE64 of 32 bytes, separated by commas or lines, each ID once")
    .optional()
    .describe("wrap the keys of encrypted objects: the first those of new ones, the others open what they wrapped"),
  BODY_STALL: setting.duration("30s").prefault("30s").describe("how long a body may stay below the least rate"),
  BODY_RATE_MIN: setting.bytes("16KiB").prefault("16KiB").describe("least rate of a body, per second"),
  DOWNLOAD_STALL: setting
    .duration("2m")
    .prefault("2m")
    .describe("how long a client may take less of a download than the least rate"),
  DOWNLOAD_RATE_MIN: setting.bytes("1KiB").prefault("1KiB").describe("least rate of a download, per second"),

  STOP_GRACE: setting.duration("10s").prefault("10s").describe("how long bodies may still come when the service stops"),

  FID_WAIT: setting.duration("10m").prefault("10m").describe("how long an upload's answer waits for the FID"),
  REPLAY_WINDOW: setting
    .duration("10m")
    .prefault("10m")
    .describe("how long a repeated chunk of a finished upload gets the finished upload's answer"),

  UPLOAD_STARTS_RATE: z.coerce.number().positive().default(20).describe("uploads an account may start per second"),
  UPLOAD_STARTS_BURST: setting.count().default(200).describe("uploads an account may start at once"),
  OPERATOR_TOKENS: z
    .string()
    .default("")
    .transform((text, context) => operatorsOf(text, context))
    .describe(
      "who may work by hand on miners and deals: name=token, separated by commas; a token has 16 characters or more",
    )
    .meta({ secret: true }),
  SIGNATURE_MODE: z
    .enum(["any", "bound"])
    .default("any")
    .describe("any: as DeOSS takes them; bound: only signatures that name the one request that they are for"),
  ACCESS_MODE: z
    .enum(["public", "private"])
    .default("public")
    .describe("public: all but ACCESS_ACCOUNTS; private: only ACCESS_ACCOUNTS"),
  ACCESS_ACCOUNTS: setting.list().prefault("").describe("accounts, separated by commas"),
  ACCESS_FILE: z
    .string()
    .min(1)
    .optional()
    .describe("file with more such accounts, one in a line, # begins a remark; read again when it changes"),
  ACCESS_ALWAYS: setting.list().prefault("").describe("accounts that are let in in any case"),

  GATEWAY_CACHE: setting.duration("60s").prefault("60s").describe("how long the gateway's own account is remembered"),
  ANNOUNCE_AFTER: setting.duration("10s").prefault("10s").describe("an upload without progress is announced again"),
  ANNOUNCE_MAX: setting.duration("2m").prefault("2m").describe("longest pause between announcements"),
  SWEEP_EVERY: setting.duration("2s").prefault("2s").describe("pause between looks for uploads to announce or release"),
  WHOLE_ABANDONED_AFTER: setting
    .duration("5m")
    .prefault("5m")
    .describe("a whole upload that nobody receives any more is given up"),
  PARTS_ABANDONED_AFTER: setting
    .duration("1d")
    .prefault("1d")
    .describe("a chunked upload without a new chunk is given up"),
  FAILED_RETENTION: setting.duration("1h").prefault("1h").describe("how long bytes of a failed upload are kept"),
  STRAY_AFTER: setting
    .duration("10m")
    .prefault("10m")
    .describe("age at which files that belong to nothing are removed"),
  RECORD_RETENTION: setting
    .duration("8d")
    .prefault("8d")
    .describe("how long published facts, and the memory of handled ones, are kept"),
});

function isKeyring(keys: Secret): boolean {
  try {
    return parseKeyring(keys.reveal()).active !== null;
  } catch {
    return false;
  }
}

export const gatewaySettings = settings.superRefine(checkGrpcSettings);

export type GatewayConfig = Readonly<z.infer<typeof gatewaySettings>>;

export const FORM_OVERHEAD_BYTES = parseBytes("1KiB");
