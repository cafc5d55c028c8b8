import type { UploadModel } from "@granary/database";
import type { FastifyReply, FastifyRequest } from "fastify";
import { awaitStage, hasReached } from "../flow/await-stage.js";
import { reportStatus } from "../flow/report-status.js";
import type { Ports } from "../ports.js";
import type { WaitWish } from "./wait.js";

/** The envelope of every JSON answer. */
export const envelope = (data: unknown, code = 200, msg = "ok") => ({ code, msg, data });

export const statusPathOf = (uploadId: string): string => `/uploads/${uploadId}`;

export const statusUrlOf = ({ config }: Pick<Ports, "config">, uploadId: string): string =>
  config.PUBLIC_URL === undefined ? statusPathOf(uploadId) : new URL(statusPathOf(uploadId), config.PUBLIC_URL).href;

/** Aborted when the client is gone before its answer, when the service stops, and when the wait has been long enough. */
export function patienceOf(ports: Pick<Ports, "config" | "stopping">, reply: FastifyReply): AbortSignal {
  const gone = new AbortController();
  reply.raw.once("close", () => gone.abort(new Error("the client is gone")));
  return AbortSignal.any([gone.signal, ports.stopping, AbortSignal.timeout(ports.config.FID_WAIT)]);
}

/**
 * Answers an upload whose bytes are durable: with its FID once it is encoded, with its status where the client named a
 * stage, with 202 where the client does not wait or has waited long enough.
 */
export async function answerUpload(
  ports: Ports,
  reply: FastifyReply,
  upload: UploadModel,
  wish: WaitWish,
): Promise<void> {
  reply.header("location", statusPathOf(upload.id)).header("x-granary-upload", upload.id);
  const doesWait = wish.stage !== "received";
  const current = doesWait ? await awaitStage(ports, upload, wish.stage, patienceOf(ports, reply)) : upload;
  if (!doesWait || !hasReached(current, wish.stage)) {
    const data = {
      uploadId: upload.id,
      statusUrl: statusUrlOf(ports, upload.id),
      state: current.state,
      fid: current.fid,
    };
    await reply.status(202).send(envelope(data, 202, "accepted"));
    return;
  }
  await reply.send(envelope(wish.isExplicit ? await reportStatus(ports, current) : { fid: current.fid }));
}

/** Query parameters, each once. */
export function queryOf(request: FastifyRequest): Readonly<Record<string, string | undefined>> {
  const query = request.query as Record<string, string | string[] | undefined>;
  return Object.fromEntries(
    Object.entries(query).map(([name, value]) => [name, Array.isArray(value) ? value[0] : value]),
  );
}

export const pathOf = (request: FastifyRequest): Readonly<Record<string, string>> =>
  request.params as Record<string, string>;
