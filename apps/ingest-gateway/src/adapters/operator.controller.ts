import { parseAccount } from "@granary/chain-client/accounts";
import { CodedError, parseUploadId } from "@granary/primitives";
import { Controller, Delete, Get, Put, Req, Res } from "@nestjs/common";
import type { FastifyReply, FastifyRequest } from "fastify";
import { envelope, pathOf, queryOf } from "../http/answer.js";
import { headerOf } from "../http/headers.js";
import { limitOf } from "../http/limit.js";
import { operatorOf } from "../identity/operator.js";
import type { Ports } from "../ports.js";
import { portsToken } from "./tokens.js";

/** What operators do by hand. Each deed has a reason, and is written down with it and the operator's name. */
@Controller("operator")
export class OperatorController {
  constructor(@portsToken.inject() private readonly ports: Ports) {}

  @Put("miners/:account/quarantine")
  async quarantine(@Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    const deed = this.#deed(request);
    await reply.send(envelope(await this.ports.request("minerQuarantine", { account: minerIn(request), ...deed })));
  }

  @Delete("miners/:account/quarantine")
  async release(@Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    const deed = this.#deed(request);
    await reply.send(envelope(await this.ports.request("minerRelease", { account: minerIn(request), ...deed })));
  }

  @Put("uploads/:id/resume")
  async resume(@Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    const deed = this.#deed(request);
    const uploadId = parseUploadId(pathOf(request).id ?? "");
    await reply.send(envelope(await this.ports.request("dealResume", { uploadId, ...deed })));
  }

  @Get("actions")
  async actions(@Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    this.#operator(request);
    const query = queryOf(request);
    const before = query.before ?? null;
    const count = limitOf(query.limit, { standard: 100, most: 1000 });
    const { actions } = await this.ports.request("operatorActionsList", { before, count });
    await reply.header("cache-control", "no-store").send(envelope(actions));
  }

  #operator(request: FastifyRequest): string {
    return operatorOf(this.ports.config.OPERATOR_TOKENS, headerOf(request.headers, "authorization"));
  }

  #deed(request: FastifyRequest): { readonly actor: string; readonly reason: string } {
    const actor = this.#operator(request);
    const { reason } = queryOf(request);
    if (reason === undefined || reason.trim() === "" || reason.length > REASON_LENGTH_MAX) {
      throw new CodedError(
        "REASON_MISSING",
        "invalid",
        `?reason= says why, in at most ${REASON_LENGTH_MAX} characters`,
      );
    }
    return { actor, reason };
  }
}

const REASON_LENGTH_MAX = 500;
const minerIn = (request: FastifyRequest) => parseAccount(pathOf(request).account ?? "");
