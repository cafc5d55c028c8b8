import type { Register } from "@granary/telemetry";
import { Controller, Get, Res } from "@nestjs/common";
import type { FastifyReply } from "fastify";
import type { Health } from "./health.js";
import { token } from "./token.js";

export const healthToken = token<Health>("health");
export const registerToken = token<Register>("register");

/** What Kubernetes and Prometheus ask of every service. */
@Controller()
export class StatusController {
  constructor(
    @healthToken.inject() private readonly health: Health,
    @registerToken.inject() private readonly register: Register,
  ) {}

  @Get("live")
  live() {
    return this.health.live();
  }

  @Get("ready")
  async ready(@Res() reply: FastifyReply) {
    await sendChecks(reply, await this.health.ready());
  }

  @Get("startup")
  async startup(@Res() reply: FastifyReply) {
    await sendChecks(reply, await this.health.startup());
  }

  @Get("metrics")
  async metrics(@Res() reply: FastifyReply) {
    await reply.header("content-type", this.register.contentType).send(await this.register.render());
  }
}

const sendChecks = async (reply: FastifyReply, { ok, checks }: Awaited<ReturnType<Health["ready"]>>) => {
  await reply.status(ok ? 200 : 503).send({ status: ok ? "ok" : "unavailable", checks });
};
