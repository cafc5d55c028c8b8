import { describe, expect, it } from "@jest/globals";
import {
  type EventHandlersFor,
  events,
  eventsFor,
  type RequestHandlersFor,
  requests,
  requestsFor,
  type Service,
} from "./index.js";

describe("contracts", () => {
  it("gives every message a subject of its own, in the form its kind has", () => {
    const subjects = [...Object.values(events), ...Object.values(requests)].map((contract) => contract.subject);
    expect(new Set(subjects).size).toBe(subjects.length);
    for (const subject of subjects) expect(subject).toMatch(/^granary\.[a-z-]+\.[a-z-]+\.v\d+$/);
  });

  it("has for every event a consumer, and never its own producer", () => {
    for (const event of Object.values(events)) {
      expect(event.consumers.length).toBeGreaterThan(0);
      expect(event.consumers as readonly Service[]).not.toContain(event.producer);
    }
  });

  it("does not compile a service that lacks a handler", () => {
    // @ts-expect-error retrieval answers nothing and consumes nothing, but ingest-gateway consumes several
    const lacksAll: EventHandlersFor<"ingest-gateway", unknown> = {};
    // @ts-expect-error one handler of three
    const lacksSome: EventHandlersFor<"ingest-gateway", unknown> = { objectEncoded: async () => {} };
    // @ts-expect-error the preprocessor answers manifestSegments
    const lacksAnswer: RequestHandlersFor<"preprocessor"> = {};
    const nothingToHandle: EventHandlersFor<"retrieval", unknown> = {};
    expect([lacksAll, lacksSome, lacksAnswer, nothingToHandle]).toHaveLength(4);
    expect(eventsFor("ingest-gateway").sort()).toEqual([
      "dealAdvanced",
      "encodingFailed",
      "fileDeleted",
      "objectEncoded",
    ]);
    expect(requestsFor("preprocessor").sort()).toEqual([
      "encodingDeadLetterSettle",
      "encodingDeadLetters",
      "encodingQueues",
      "encodingShow",
      "manifestSegments",
    ]);
  });

  it("refuses a FID that is not 64 lowercase hexadecimal characters", () => {
    const show = requests.chainFileShow.input;
    expect(show.safeParse({ fid: "a".repeat(64) }).success).toBe(true);
    for (const fid of ["A".repeat(64), "a".repeat(63), "g".repeat(64), ""]) {
      expect(show.safeParse({ fid }).success).toBe(false);
    }
  });
});
