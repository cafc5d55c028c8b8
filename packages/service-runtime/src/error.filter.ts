import { CodedError } from "@granary/primitives";
import type { Log } from "@granary/telemetry";
import { type ArgumentsHost, Catch, type ExceptionFilter, HttpException } from "@nestjs/common";
import type { FastifyReply, FastifyRequest } from "fastify";
import { httpErrorBody } from "./http-error.js";

/** Every error of every HTTP route, as envelope and status. */
@Catch()
export class ErrorFilter implements ExceptionFilter {
  constructor(private readonly log: Log) {}

  async catch(thrown: unknown, host: ArgumentsHost): Promise<void> {
    const http = host.switchToHttp();
    const request = http.getRequest<FastifyRequest>();
    const reply = http.getResponse<FastifyReply>();
    const error = thrown instanceof HttpException ? fromNest(thrown, request) : fromFastify(thrown);
    const { status, body } = httpErrorBody(error);
    this.log.thrown("request ended with an error", error, {
      method: request.method,
      route: request.routeOptions?.url,
      status,
    });
    if (reply.raw.headersSent) {
      // Too late for a status: a broken connection is the only honest end.
      reply.raw.destroy();
      return;
    }
    // What the client still sends is not wanted any more.
    if (!request.raw.readableEnded) reply.header("connection", "close");
    await reply.status(status).send(body);
  }
}

function fromNest(error: HttpException, request: FastifyRequest): CodedError {
  if (error.getStatus() === 404) {
    return new CodedError("ROUTE_UNKNOWN", "absent", `there is no ${request.method} ${request.url.split("?")[0]}`);
  }
  return new CodedError("REQUEST_INVALID", error.getStatus() < 500 ? "invalid" : "bug", error.message);
}

function fromFastify(thrown: unknown): unknown {
  const { statusCode, code, message } = (thrown ?? {}) as { statusCode?: number; code?: string; message?: string };
  if (code === "FST_ERR_CTP_INVALID_MEDIA_TYPE") {
    return new CodedError("CONTENT_TYPE_UNSUPPORTED", "invalid", message ?? "unsupported content type");
  }
  if (typeof code === "string" && code.startsWith("FST_") && statusCode !== undefined && statusCode < 500) {
    return new CodedError("REQUEST_INVALID", "invalid", message ?? "the request cannot be read");
  }
  return thrown;
}
