import { type EventName, events, eventsFor, type RequestName, requests, type Service } from "@granary/contracts";
import { CodedError } from "@granary/primitives";
import { type Outcome, outcomeOf, outcomes, type Register } from "@granary/telemetry";
import type { Requester, Responder } from "./requester.js";

const requestSeconds = [0.002, 0.005, 0.01, 0.05, 0.2, 1, 5, 15];
const requestNames = Object.keys(requests) as RequestName[];
/** What became of a delivery. */
const consumeOutcomes = ["handled", "duplicate", "dropped", "redelivered"] as const;
export type ConsumeOutcome = (typeof consumeOutcomes)[number];

/** Counts and times every answer. */
export function observeResponders(register: Register, responders: readonly Responder[]): Responder[] {
  const names = responders.map(({ name }) => name);
  const answered = register.counter<{ request: RequestName; outcome: Outcome }>({
    name: "granary_nats_requests_total",
    help: "Requests over NATS that this service answered",
    labels: { request: names, outcome: outcomes },
  });
  const seconds = register.histogram<{ request: RequestName }>({
    name: "granary_nats_request_seconds",
    help: "Answering a request over NATS",
    buckets: requestSeconds,
    labels: { request: names },
  });
  return responders.map((responder) => ({
    ...responder,
    async answer(payload, trace) {
      const end = seconds.start();
      const reply = await responder.answer(payload, trace);
      end({ request: responder.name });
      const outcome = reply.ok ? "ok" : outcomeOf(CodedError.fromEnvelope(reply.error));
      answered.add({ request: responder.name, outcome });
      return reply;
    },
  }));
}

/** Counts and times every question to another service, as its caller sees it: with the way there and back. */
export function observeRequester(register: Register, request: Requester): Requester {
  const asked = register.counter<{ request: RequestName; outcome: Outcome }>({
    name: "granary_nats_calls_total",
    help: "Requests over NATS that this service asked of others",
    labels: { request: requestNames, outcome: outcomes },
  });
  const seconds = register.histogram<{ request: RequestName }>({
    name: "granary_nats_call_seconds",
    help: "From asking another service over NATS to its answer",
    buckets: requestSeconds,
    labels: { request: requestNames },
  });
  return async (name, input) => {
    const end = seconds.start();
    try {
      const answer = await request(name, input);
      asked.add({ request: name, outcome: "ok" });
      return answer;
    } catch (error) {
      asked.add({ request: name, outcome: outcomeOf(error) });
      throw error;
    } finally {
      end({ request: name });
    }
  };
}

export interface ConsumerMetrics {
  handled(event: EventName, outcome: ConsumeOutcome, seconds: number): void;
}

/** `pending`: facts in the stream that this service has not dealt with; `deadLetters`: those it has given up. */
export function createConsumerMetrics(
  register: Register,
  service: Service,
  read: { readonly pending: (event: EventName) => Promise<number>; readonly deadLetters: () => Promise<number> },
): ConsumerMetrics {
  const names = eventsFor(service);
  const consumed = register.counter<{ event: EventName; outcome: ConsumeOutcome }>({
    name: "granary_facts_consumed_total",
    help: "Deliveries of facts from the stream, by what became of them",
    labels: { event: names, outcome: consumeOutcomes },
  });
  const seconds = register.histogram<{ event: EventName }>({
    name: "granary_fact_handling_seconds",
    help: "From the delivery of a fact to the commit of its effect",
    buckets: requestSeconds,
    labels: { event: names },
  });
  register.gauge<"granary_facts_pending", { event: EventName }>({
    name: "granary_facts_pending",
    help: "Facts in the stream that this service has not dealt with yet",
    labels: { event: names },
    collect: async (gauge) => {
      await Promise.all(names.map(async (event) => gauge.set({ event }, await read.pending(event))));
    },
  });
  register.gauge({
    name: "granary_facts_dead_letters",
    help: "Facts that this service has given up and no operator has settled",
    collect: async (gauge) => gauge.set({}, await read.deadLetters()),
  });
  return {
    handled(event, outcome, took) {
      consumed.add({ event, outcome });
      seconds.observe({ event }, took);
    },
  };
}

/** `lagSeconds`: how long the oldest fact has waited to be published. */
export function createRelayMetrics(register: Register, lagSeconds: () => Promise<number>) {
  const names = Object.keys(events) as EventName[];
  const nameOf = new Map(names.map((name) => [events[name].subject as string, name]));
  const published = register.counter<{ event: EventName | "other" }>({
    name: "granary_facts_published_total",
    help: "Facts published from the outbox to the stream",
    labels: { event: [...names, "other"] },
  });
  register.gauge({
    name: "granary_outbox_lag_seconds",
    help: "How long the oldest fact has waited in the outbox to be published",
    collect: async (gauge) => gauge.set({}, await lagSeconds()),
  });
  return { published: (subject: string) => published.add({ event: nameOf.get(subject) ?? "other" }) };
}
