import { parseAccount } from "@granary/chain-client/accounts";
import { parseUploadId } from "@granary/primitives";
import { Controller, Delete, Get, Put, Req, Res } from "@nestjs/common";
import type { FastifyReply, FastifyRequest } from "fastify";
import { envelope, pathOf, queryOf } from "../http/answer.js";
import { limitOf } from "../http/limit.js";
import { deedOf, operatorIn } from "../identity/operator.js";
import type { Ports } from "../ports.js";
import { portsToken } from "./tokens.js";

/** What operators do by hand. Each deed has a reason, and is written down with it and the operator's name. */
@Controller("operator")
export class OperatorController {
  constructor(@portsToken.inject() private readonly ports: Ports) {}

  @Put("miners/:account/quarantine")
  async quarantine(@Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    const deed = deedOf(this.ports, request);
    await reply.send(envelope(await this.ports.request("minerQuarantine", { account: minerIn(request), ...deed })));
  }

  @Delete("miners/:account/quarantine")
  async release(@Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    const deed = deedOf(this.ports, request);
    await reply.send(envelope(await this.ports.request("minerRelease", { account: minerIn(request), ...deed })));
  }

  @Put("uploads/:id/resume")
  async resume(@Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    const deed = deedOf(this.ports, request);
    const uploadId = parseUploadId(pathOf(request).id ?? "");
    await reply.send(envelope(await this.ports.request("dealResume", { uploadId, ...deed })));
  }

  @Get("actions")
  async actions(@Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    operatorIn(this.ports, request);
    const query = queryOf(request);
    const before = query.before ?? null;
    const count = limitOf(query.limit, { standard: 100, most: 1000 });
    const { actions } = await this.ports.request("operatorActionsList", { before, count });
    await reply.header("cache-control", "no-store").send(envelope(actions));
  }
}

const minerIn = (request: FastifyRequest) => parseAccount(pathOf(request).account ?? "");
