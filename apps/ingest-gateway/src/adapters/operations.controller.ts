import { parseDuration, parseUploadId } from "@granary/primitives";
import type { DeadLetterDesk } from "@granary/service-runtime";
import { Controller, Delete, Get, Put, Req, Res } from "@nestjs/common";
import type { FastifyReply, FastifyRequest } from "fastify";
import { listStuck } from "../flow/list-stuck.js";
import { retryUpload } from "../flow/retry-upload.js";
import { showQueues } from "../flow/show-queues.js";
import { envelope, pathOf, queryOf } from "../http/answer.js";
import { limitOf } from "../http/limit.js";
import { deedOf, operatorIn } from "../identity/operator.js";
import type { Ports } from "../ports.js";
import { deadLetterDeskOf, letterId, recordId } from "./dead-letter-desks.js";
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
    await send(reply, await showQueues(this.ports));
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
    const found = await this.#desk(request).list({ after: after && letterId(after), count: limitOf(limit, page) });
    await send(reply, found.letters);
  }

  @Put("dead-letters/:service/:id/replay")
  async replay(@Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    const order = { id: letterId(pathOf(request).id), how: "replay" as const, ...deedOf(this.ports, request) };
    await send(reply, await this.#desk(request).settle(order));
  }

  @Delete("dead-letters/:service/:id")
  async discard(@Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    const order = { id: letterId(pathOf(request).id), how: "discard" as const, ...deedOf(this.ports, request) };
    await send(reply, await this.#desk(request).settle(order));
  }

  @Get("audit")
  async audit(@Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    operatorIn(this.ports, request);
    const { before, subject, actor, limit } = queryOf(request);
    const from = before === undefined ? undefined : recordId(before);
    await send(reply, await this.ports.audit.list({ before: from, subject, actor, count: limitOf(limit, page) }));
  }

  #desk(request: FastifyRequest): DeadLetterDesk {
    return deadLetterDeskOf(this.ports, this.letters, pathOf(request).service);
  }
}

const send = async (reply: FastifyReply, data: unknown) => {
  await reply.header("cache-control", "no-store").send(envelope(data));
};
