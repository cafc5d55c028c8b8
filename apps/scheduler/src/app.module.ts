import type { RequestHandlersFor } from "@granary/contracts";
import { oneMachineConstraints, spreadConstraints } from "@granary/domain/miner";
import { createJobWorker } from "@granary/jobs";
import { consumeEvents, createRelay, respondersFor } from "@granary/messaging";
import type { UploadId } from "@granary/primitives";
import { createDeadLetterDesk, type Loop, type Service, type Step, startService } from "@granary/service-runtime";
import { type Overrides, openResources, type Resources, SERVICE } from "./adapters/open-resources.js";
import { strategyOf } from "./adapters/strategy-settings.js";
import type { SchedulerConfig } from "./config.js";
import { declareDeal } from "./flow/declare-deal.js";
import { deleteObject } from "./flow/delete-object.js";
import { explainMiner } from "./flow/explain-miner.js";
import { followTransactions } from "./flow/follow-transactions.js";
import { factHandlers } from "./flow/hear-facts.js";
import { listMiners } from "./flow/list-miners.js";
import { mirrorMiners } from "./flow/mirror-miners.js";
import { passTime } from "./flow/pass-time.js";
import { placeColumns } from "./flow/place-columns.js";
import { probeMiners } from "./flow/probe-miners.js";
import { quarantineMiner, releaseMiner } from "./flow/quarantine-miner.js";
import { queueDue, uploadOfJob } from "./flow/queue-due.js";
import { registerGateway } from "./flow/register-gateway.js";
import { resumeDeal } from "./flow/resume-deal.js";
import { reviewDue } from "./flow/review-deal.js";
import { showDeal } from "./flow/show-deal.js";

const RELAY_IDLE_MS = 500;
const FOLLOW_IDLE_MS = 2_000;
const PROBE_IDLE_MS = 5_000;
const REGISTER_EVERY_MS = 600_000;
const DEAL_NOT_SEEN_MS = 45_000;
const STAGING_ATTEMPTS_MAX = 12;

/** Starts the scheduler. Parts are listed in the order in which they start; they stop the other way round. */
export async function createApp(config: SchedulerConfig, overrides: Overrides = {}): Promise<Service> {
  const resources = await openResources(config, overrides);
  const loops = startLoops(resources);
  startConsumer(resources, loops);
  startWorkers(resources, loops);
  const { log, register, database, connection, rounds, chain, parts } = resources;
  return startService(
    {
      name: SERVICE,
      http: { host: config.HTTP_HOST, port: config.HTTP_PORT },
      natsUrl: config.NATS_URL,
      stopping: config,
      log,
      register,
      responders: respondersFor(SERVICE, answers(resources)),
      checks: {
        postgres: async () => void (await database.$queryRawUnsafe("SELECT 1")),
        nats: async () => connection.flush(),
        redis: async () => void (await rounds.depth()),
        chain: async () => {
          if (!chain.isConnected()) throw new Error("no connection to a chain node");
        },
      },
    },
    parts,
  );
}

/** What a transaction needs, to be signed, sent and followed. */
const submitPorts = ({ transactions, chain, signer, log, clock }: Resources) => ({
  transactions,
  chain: chain.reader,
  writer: chain.writer,
  calls: chain.calls,
  signer,
  log,
  clock,
});

interface Loops {
  readonly relay: Loop;
  readonly sweep: Loop;
  readonly reviews: Loop;
}

function startLoops(resources: Resources): Loops {
  const { config, deals, miners, gate, log, connection, outbox, inbox, declarations, rounds } = resources;
  const { loop, pruneMailboxes, deadLetters } = resources;
  const isPlacingPaused = async () => (await resources.pauses.placement()) !== null;
  const submit = submitPorts(resources);
  const review = { deals, manifests: resources.manifests, chain: submit.chain, clock: resources.clock, log };
  const relay = loop(
    "relay",
    createRelay({ connection, outbox, log, register: resources.register }).step,
    RELAY_IDLE_MS,
  );
  const sweep = loop("sweep", () => queueDue({ deals, declarations, rounds, isPlacingPaused }), config.SWEEP_INTERVAL);
  const reviews = loop("review", () => reviewDue(review, config.REVIEW_INTERVAL), config.SWEEP_INTERVAL);
  const { budgets, observer, clock, policy } = resources;
  const passing = { policy, report: placeRulesOf(resources).report };
  loop("pass time", () => passTime({ deals, miners, budgets, observer, clock }, passing), config.SWEEP_INTERVAL);
  loop("follow transactions", () => followTransactions(submit), FOLLOW_IDLE_MS);
  loop("probe miners", () => probeMiners({ miners, gate }), PROBE_IDLE_MS);
  loop("mirror miners", () => mirrorAll(resources), config.MINERS_INTERVAL);
  pruneMailboxes(outbox, inbox, deadLetters);
  const domain = config.GATEWAY_DOMAIN;
  if (domain !== undefined) {
    loop(
      "register gateway",
      async () => ((await registerGateway(submit, domain)) ? "idle" : "busy"),
      REGISTER_EVERY_MS,
    );
  }
  return { relay, sweep, reviews };
}

async function mirrorAll({ config, miners, clock, request }: Resources): ReturnType<Step> {
  const count = await mirrorMiners({
    miners,
    clock,
    page: (after, size) => request("chainMinersList", { after, count: size }),
  });
  return count === 0 ? { throttledMs: config.SWEEP_INTERVAL } : "idle";
}

function startConsumer(resources: Resources, loops: Loops): void {
  const { connection, inbox, deadLetters, deals, miners, log, register, started } = resources;
  // When this is called the rows are committed: there is work, or something to announce.
  const observe = () => {
    loops.sweep.nudge();
    loops.reviews.nudge();
    loops.relay.nudge();
  };
  const handlers = factHandlers({ deals, miners });
  const consumer = consumeEvents({
    connection,
    service: SERVICE,
    inbox,
    handlers,
    deadLetters,
    log,
    register,
    observe,
  });
  started("consumer", consumer, (it) => it.close());
}

function startWorkers(resources: Resources, loops: Loops): void {
  const { config, log, started, deals, miners, budgets, manifests, observer, clock, random } = resources;
  const worker = (
    name: string,
    concurrency: number,
    work: (uploadId: UploadId, stopping: AbortSignal) => Promise<unknown>,
  ) => {
    const run = async (jobId: string, stopping: AbortSignal) => {
      await work(uploadOfJob(jobId), stopping);
      loops.relay.nudge();
      loops.sweep.nudge();
    };
    const about = (jobId: string) => ({ upload: uploadOfJob(jobId) });
    const { register } = resources;
    const options = { name, redisUrl: config.REDIS_URL, concurrency, log, register, about, work: run };
    started(`worker ${name}`, createJobWorker(options), (it) => it.close());
  };

  const declareRules = {
    leaseMs: config.LEASE,
    obstaclePatienceMs: config.OBSTACLE_PATIENCE,
    reviewMs: config.REVIEW_INTERVAL,
  };
  const declarePorts = { ...submitPorts(resources), deals, manifests, observer };
  worker("declare", config.DECLARE_CONCURRENCY, (uploadId, stopping) =>
    declareDeal(declarePorts, declareRules, uploadId, stopping),
  );

  const { staging, encoder, gate } = resources;
  const placePorts = { deals, miners, budgets, manifests, staging, encoder, gate, clock, random, observer, log };
  const placeRules = placeRulesOf(resources);
  worker("send", config.SEND_CONCURRENCY, async (uploadId, stopping) => {
    // Also a round that was queued before the pause does not begin.
    if ((await resources.pauses.placement()) === null) await placeColumns(placePorts, placeRules, uploadId, stopping);
  });
}

const placeRulesOf = ({ config, policy }: Resources) => ({
  policy,
  constraints: config.ALLOW_PRIVATE_MINERS ? oneMachineConstraints : spreadConstraints,
  strategy: strategyOf(config),
  placementPatienceMs: config.PLACEMENT_PATIENCE,
  leaseMs: config.LEASE,
  report: {
    baseMs: config.REPORT_DEADLINE_BASE,
    perColumnMs: config.REPORT_DEADLINE_PER_COLUMN,
    maxMs: config.REPORT_DEADLINE_MAX,
  },
  stallMinMs: config.STALL_MIN,
  stallMaxMs: config.STALL_MAX,
  dealNotSeenMs: DEAL_NOT_SEEN_MS,
  stagingAttemptsMax: STAGING_ATTEMPTS_MAX,
});

function answers(resources: Resources): RequestHandlersFor<"scheduler"> {
  const { deals, miners, operators, staging, clock, policy, signer, chain } = resources;
  const { declarations, rounds, pauses, deadLetters, audit } = resources;
  const letters = createDeadLetterDesk({ deadLetters, handlers: factHandlers({ deals, miners }), audit });
  const submit = submitPorts(resources);
  return {
    dealShow: (input) => showDeal({ deals, miners }, input),
    objectDelete: (input) => deleteObject(submit, input),
    dealResume: (input) => resumeDeal({ deals, operators, staging, clock }, input),
    minerExplain: (input) => explainMiner({ miners, operators, clock }, policy, input),
    minerQuarantine: (input) => quarantineMiner({ miners, operators, clock }, input),
    minerRelease: (input) => releaseMiner({ miners, operators, clock }, input),
    dealDeadLetters: (input) => letters.list(input),
    dealDeadLetterSettle: (input) => letters.settle(input),
    dealQueues: async () => ({
      queues: [
        { name: "declare", ...(await declarations.depth()) },
        { name: "send", ...(await rounds.depth()) },
      ],
      placementPause: await pauses.placement(),
    }),
    placementPause: async (input) => ({ placementPause: await pauses.set(input) }),
    operatorActionsList: async ({ before, count }) => ({
      actions: await operators.list(before, count),
    }),
    minersList: (input) => listMiners({ miners, clock }, policy, input),
    gatewayShow: async () => {
      const { account } = signer;
      const [free, record] = await Promise.all([
        chain.reader.freeBalance(account, "best"),
        chain.reader.gateway(account, "best"),
      ]);
      return { account, freeBalance: free.toString(), isRegistered: record !== null };
    },
  };
}
