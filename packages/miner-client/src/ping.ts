import { readEnvelope, refusalOf } from "./envelope.js";
import { MinerError } from "./errors.js";
import { exchange, readShort, type Wire } from "./exchange.js";

export interface Ping {
  readonly endpoint: string;
  readonly signal?: AbortSignal | undefined;
}

/** What a miner says of itself: a hint, nothing is decided on it. */
export interface MinerStatus {
  readonly roundTripMs: number;
  readonly state: string;
  readonly version: string;
  readonly account: string;
}

const STATUS_CHARACTERS_MAX = 100;

/** @throws MinerError */
export async function ping(wire: Wire, answerTimeoutMs: number, request: Ping): Promise<MinerStatus> {
  const startedAt = performance.now();
  const { endpoint, signal } = request;
  return exchange(
    wire,
    { endpoint, method: "GET", path: "/status", headers: {}, answerTimeoutMs, signal },
    async (answer) => {
      const envelope = readEnvelope(await readShort(answer));
      if (answer.status !== 200 || envelope?.code !== 200) throw refusalOf(answer.status, envelope);
      if (typeof envelope.data !== "object" || envelope.data === null) {
        throw new MinerError("MINER_PROTOCOL", "the miner's status has no data");
      }
      const data = envelope.data as Record<string, unknown>;
      return {
        roundTripMs: performance.now() - startedAt,
        state: textOf(data.state),
        version: textOf(data.version),
        account: textOf(data.signature_acc),
      };
    },
  );
}

const textOf = (value: unknown): string => (typeof value === "string" ? value.slice(0, STATUS_CHARACTERS_MAX) : "");
