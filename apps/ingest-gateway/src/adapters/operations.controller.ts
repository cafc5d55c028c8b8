import { CodedError, parseDuration, parseUploadId } from "@granary/primitives";
import type { DeadLetterDesk } from "@granary/service-runtime";
import { Controller, Delete, Get, Put, Req, Res } from "@nestjs/common";
import type { FastifyReply, FastifyRequest } from "fastify";
import { listStuck } from "../flow/list-stuck.js";
import { retryUpload } from "../flow/retry-upload.js";
import { envelope, pathOf, queryOf } from "../http/answer.js";
import { limitOf } from "../http/limit.js";
import { deedOf, operatorIn } from "../identity/operator.js";
import type { Ports } from "../ports.js";
import { lettersToken, portsToken } from "./tokens.js";

const STILL_STANDARD = "10m";
const page = { standard: 100, most: 1000 };

/** What operators look at and do when something does not go on. */
@Controller("operator")
export class OperationsController {
  constructor(
    @portsToken.inject() private readonly ports: Ports,
    @lettersToken.inject() private readonly letters: DeadLetterDesk,
  ) {}

  @Get("queues")
  async queues(@Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    operatorIn(this.ports, request);
    const [encoding, deals, uploads] = await Promise.all([
      this.ports.request("encodingQueues", {}),
      this.ports.request("dealQueues", {}),
      this.ports.database.upload.groupBy({
        by: ["state"],
        where: { state: { notIn: ["active", "failed"] } },
        _count: true,
        _min: { updatedAt: true },
      }),
    ]);
    const states = uploads.map(({ state, _count, _min }) => ({ state, count: _count, oldestStep: _min.updatedAt }));
    const queues = [...encoding.queues, ...deals.queues];
    await send(reply, { queues, placementPause: deals.placementPause, uploads: states });
  }

  @Get("uploads/stuck")
  async stuck(@Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    operatorIn(this.ports, request);
    const { still = STILL_STANDARD, limit } = queryOf(request);
    const count = limitOf(limit, { standard: 20, most: 200 });
    await send(reply, await listStuck(this.ports, { stillMs: parseDuration(still), count }));
  }

  @Put("uploads/:id/retry")
  async retry(@Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    const deed = deedOf(this.ports, request);
    await send(reply, await retryUpload(this.ports, parseUploadId(pathOf(request).id ?? ""), deed));
  }

  @Put("placement/pause")
  async pause(@Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    await send(reply, await this.ports.request("placementPause", { isPaused: true, ...deedOf(this.ports, request) }));
  }

  @Delete("placement/pause")
  async unpause(@Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    await send(reply, await this.ports.request("placementPause", { isPaused: false, ...deedOf(this.ports, request) }));
  }

  @Get("dead-letters/:service")
  async deadLetters(@Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    operatorIn(this.ports, request);
    const { after = null, limit } = queryOf(request);
    const found = await this.#desk(request).list({ after: after && idIn(after), count: limitOf(limit, page) });
    await send(reply, found.letters);
  }

  @Put("dead-letters/:service/:id/replay")
  async replay(@Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    const order = { id: idIn(pathOf(request).id), how: "replay" as const, ...deedOf(this.ports, request) };
    await send(reply, await this.#desk(request).settle(order));
  }

  @Delete("dead-letters/:service/:id")
  async discard(@Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    const order = { id: idIn(pathOf(request).id), how: "discard" as const, ...deedOf(this.ports, request) };
    await send(reply, await this.#desk(request).settle(order));
  }

  @Get("audit")
  async audit(@Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    operatorIn(this.ports, request);
    const { before, subject, actor, limit } = queryOf(request);
    if (before !== undefined && !/^\d{1,18}$/.test(before)) throw notAnId();
    await send(reply, await this.ports.audit.list({ before, subject, actor, count: limitOf(limit, page) }));
  }

  #desk(request: FastifyRequest): DeadLetterDesk {
    const { ports } = this;
    switch (pathOf(request).service) {
      case "ingest-gateway":
        return this.letters;
      case "preprocessor":
        return {
          list: (query) => ports.request("encodingDeadLetters", query),
          settle: (order) => ports.request("encodingDeadLetterSettle", order),
        };
      case "scheduler":
        return {
          list: (query) => ports.request("dealDeadLetters", query),
          settle: (order) => ports.request("dealDeadLetterSettle", order),
        };
      default:
        throw new CodedError("SERVICE_UNKNOWN", "absent", "facts are heard by ingest-gateway, preprocessor, scheduler");
    }
  }
}

const send = async (reply: FastifyReply, data: unknown) => {
  await reply.header("cache-control", "no-store").send(envelope(data));
};

const notAnId = () => new CodedError("ID_INVALID", "invalid", "this is not an id from a listing");

function idIn(text: string | undefined): string {
  if (/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text ?? "")) return text as string;
  throw notAnId();
}
