import type { InputOf, OutputOf, RequestName } from "@granary/contracts";
import { createDeadLetters, type Database } from "@granary/database";
import type { AccountId, UploadId } from "@granary/primitives";

type Answers = { readonly [K in RequestName]?: (input: InputOf<K>) => OutputOf<K> };

/** What operators had other services do, in order: the request's name and what it said. */
export type Deeds = [RequestName, object][];

const at = "2026-01-02T03:04:05.678Z";

export const ratedMiner = (account: AccountId): OutputOf<"minersList">["miners"][number] => ({
  account,
  endpoint: "http://miner.example:8080",
  chainState: "positive",
  idleBytes: 2 ** 40,
  standing: "quarantined",
  score: 0.75,
  scoreParts: { trust: 0.75, transferSeconds: 1.5, queueSeconds: 30, cost: 42 },
  alpha: 3,
  beta: 1,
  inflightColumns: 1,
  unreportedColumns: 2,
  consecutiveFailures: 1,
  cooldownUntil: null,
  quarantinedReason: "a look at its disk",
  lastFailureCode: "TRANSFER_TIMEOUT",
  lastFailureAt: at,
  lastSuccessAt: null,
});

export const letterOf = (id: string) => ({
  id,
  event: "objectEncoded",
  messageId: "m-1",
  payload: { not: ["understood"] },
  code: "EVENT_INVALID",
  reason: "no such message",
  deliveries: 5,
  createdAt: at,
  trace: null,
});
export const LETTER_ID = "00000000-0000-4000-8000-00000000000a";

/** The scheduler and the preprocessor, as far as operators ask them. */
export function operatorAnswers(deeds: Deeds): Answers {
  const note =
    <K extends RequestName>(name: K, answer: (input: InputOf<K>) => OutputOf<K>) =>
    (input: InputOf<K>) => {
      deeds.push([name, input]);
      return answer(input);
    };
  let pause: OutputOf<"placementPause">["placementPause"] = null;
  return {
    minerExplain: ({ account }) => ({
      miner: {
        ...ratedMiner(account),
        refusal: { code: "QUARANTINED", reason: "an operator keeps it away" },
        rank: null,
        eligibleMiners: 23,
        groups: { host: "miner.example", country: "LI" },
        position: { longitude: 9.5, latitude: 47.1 },
        cooldown: { failuresInRow: 1, failuresToRest: 3, exponent: 0, nextRestSeconds: 90 },
        secondsPerFragment: 0.5,
        secondsPerReport: 12,
        attempts: [
          {
            uploadId: LETTER_ID as UploadId,
            fid: "f".repeat(64) as never,
            index: 7,
            startedAt: at,
            endedAt: null,
            outcome: null,
          },
        ],
        outcomes: { reported: 9, TRANSFER_TIMEOUT: 1 },
        actions: [{ id: "5", at, actor: "ada", action: "miner.quarantined", subject: account, reason: null }],
      },
    }),
    minerQuarantine: note("minerQuarantine", () => ({ standing: "quarantined" })),
    minerRelease: note("minerRelease", () => ({ standing: "available" })),
    dealResume: note("dealResume", () => ({ state: "opened" })),
    operatorActionsList: note("operatorActionsList", ({ before, count }) => ({
      actions: [
        { id: "7", at, actor: "ada", action: "deal.resumed", subject: LETTER_ID, reason: "again" },
        { id: "6", at, actor: "bea", action: "miner.released", subject: "m", reason: null },
      ]
        .filter(({ id }) => before === null || Number(id) < Number(before))
        .slice(0, count),
    })),
    encodingQueues: () => ({ queues: [{ name: "encode", waiting: 1, delayed: 0, active: 2 }] }),
    encodingShow: () => ({ encoding: null }),
    dealQueues: () => ({ queues: [{ name: "send", waiting: 0, delayed: 3, active: 0 }], placementPause: pause }),
    placementPause: note("placementPause", ({ isPaused, actor, reason }) => {
      pause = isPaused ? { actor, reason, since: at } : null;
      return { placementPause: pause };
    }),
    dealDeadLetters: () => ({ letters: [letterOf(LETTER_ID)] }),
    dealDeadLetterSettle: note("dealDeadLetterSettle", () => ({ event: "objectEncoded" })),
    encodingDeadLetters: () => ({ letters: [] }),
    encodingDeadLetterSettle: note("encodingDeadLetterSettle", () => ({ event: "uploadReceived" })),
  };
}

/** A message that the gateway has given up: that an upload's encoding has failed. */
export const giveUpMessage = (database: Database, uploadId: string, messageId: string): Promise<void> =>
  createDeadLetters(database, "ingest").keep({
    consumer: "ingest-gateway--encoding-failed-v1",
    messageId,
    event: "encodingFailed",
    payload: { uploadId, failure: { code: "POISON", reason: "test" } },
    code: "UNEXPECTED",
    reason: "the handler was broken",
    deliveries: 5,
    trace: null,
  });
