import type { DeadLetterView, QueueView } from "@granary/contracts";
import type { Context } from "../context.js";
import { operate } from "./miners.js";

interface Pause {
  readonly actor: string;
  readonly reason: string;
  readonly since: string;
}

interface Queues {
  readonly queues: readonly QueueView[];
  readonly placementPause: Pause | null;
  readonly uploads: readonly { readonly state: string; readonly count: number; readonly oldestStep: string | null }[];
}

interface StuckUpload {
  readonly uploadId: string;
  readonly name: string;
  readonly text: string;
  readonly updatedAt: string;
  readonly why: { readonly code: string; readonly reason: string };
}

interface AuditRow {
  readonly id: string;
  readonly at: string;
  readonly service: string;
  readonly actor: string;
  readonly action: string;
  readonly subject: string;
  readonly details: Readonly<Record<string, unknown>>;
}

/** Services that hear facts, and so can have met one that they cannot take. */
const hearing = ["ingest-gateway", "preprocessor", "scheduler"] as const;

const pauseText = (pause: Pause | null): string =>
  pause === null ? "placing goes on" : `placing is paused since ${pause.since} by ${pause.actor}: ${pause.reason}`;

export async function queues(context: Context): Promise<void> {
  const found = await operate<Queues>(context, "/queues", "GET");
  const lines = [
    ...found.queues.map(
      ({ name, waiting, active, delayed }) => `queue ${name}: ${waiting} wait, ${active} run, ${delayed} delayed`,
    ),
    ...found.uploads.map(
      ({ state, count, oldestStep }) => `uploads ${state}: ${count}, none moved before ${oldestStep}`,
    ),
    pauseText(found.placementPause),
  ];
  context.output.result(found, lines.join("\n"));
}

export async function stuck(context: Context, still: string): Promise<void> {
  const found = await operate<StuckUpload[]>(context, `/uploads/stuck?${new URLSearchParams({ still })}`, "GET");
  const lines = found.map(
    ({ uploadId, name, text, updatedAt, why }) =>
      `${uploadId}  ${text}  since ${updatedAt}  ${name}\n    ${why.code}: ${why.reason}`,
  );
  context.output.result(found, lines.join("\n") || `every upload has moved within ${still}`);
}

export async function retry(context: Context, uploadId: string, reason: string): Promise<void> {
  const done = await operate<{ how: string }>(context, `/uploads/${uploadId}/retry`, "PUT", reason);
  context.output.result(done, `${uploadId} is ${done.how}`);
}

export async function pausePlacement(context: Context, isPaused: boolean, reason: string): Promise<void> {
  const method = isPaused ? "PUT" : "DELETE";
  const done = await operate<{ placementPause: Pause | null }>(context, "/placement/pause", method, reason);
  context.output.result(done, pauseText(done.placementPause));
}

export async function deadLetters(context: Context): Promise<void> {
  const found = await Promise.all(
    hearing.map(async (service) => {
      const letters = await operate<DeadLetterView[]>(context, `/dead-letters/${service}`, "GET");
      return letters.map((letter) => ({ service, ...letter }));
    }),
  );
  const letters = found.flat();
  const lines = letters.map(
    ({ service, id, event, createdAt, deliveries, code, reason }) =>
      `${service} ${id}  ${event}  ${createdAt}, delivered ${deliveries} times\n    ${code}: ${reason}`,
  );
  context.output.result(letters, lines.join("\n") || "no message was given up");
}

export async function settle(
  context: Context,
  letter: { readonly service: string; readonly id: string; readonly how: "replay" | "discard" },
  reason: string,
): Promise<void> {
  const path = `/dead-letters/${letter.service}/${letter.id}`;
  const isReplay = letter.how === "replay";
  const done = await operate<{ event: string }>(
    context,
    isReplay ? `${path}/replay` : path,
    isReplay ? "PUT" : "DELETE",
    reason,
  );
  context.output.result(done, `${done.event} ${letter.id} is ${isReplay ? "handled" : "discarded"}`);
}

export async function audit(context: Context, options: { subject?: string; actor?: string }): Promise<void> {
  const query = new URLSearchParams(options);
  const found = await operate<AuditRow[]>(context, `/audit?${query}`, "GET");
  const lines = found.map(
    ({ id, at, service, actor, action, subject, details }) =>
      `${id}  ${at}  ${service}  ${actor}  ${action}  ${subject}  ${JSON.stringify(details)}`,
  );
  context.output.result(found, lines.join("\n") || "nothing is recorded");
}
