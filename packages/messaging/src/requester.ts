import {
  type InputOf,
  type OutputOf,
  type RequestHandlersFor,
  type RequestName,
  requests,
  requestsFor,
  type Service,
} from "@granary/contracts";
import { asCodedError, CodedError, type ErrorEnvelope } from "@granary/primitives";
import { aboutOf, beginEntry, currentTrace, traceStep } from "@granary/telemetry";
import { type ClientProxy, NatsRecordBuilder } from "@nestjs/microservices";
import { firstValueFrom, timeout } from "rxjs";
import { traceHeaders } from "./trace-headers.js";

type Reply = { ok: true; data: unknown } | { ok: false; error: ErrorEnvelope };

/** Asks another service. @throws the CodedError that the other side threw, or REQUEST_TIMEOUT, SERVICE_UNREACHABLE */
export type Requester = <K extends RequestName>(name: K, input: InputOf<K>) => Promise<OutputOf<K>>;

export function createRequester(client: ClientProxy): Requester {
  return (name, input) =>
    traceStep(`ask ${name}`, { kind: "client", attributes: subjectAttributes(name) }, async () => {
      const contract = requests[name];
      const record = new NatsRecordBuilder(input).setHeaders(traceHeaders(currentTrace())).build();
      let reply: Reply;
      try {
        reply = await firstValueFrom(client.send<Reply>(contract.subject, record).pipe(timeout(contract.timeoutMs)));
      } catch (cause) {
        throw transportError(name, contract.server, cause);
      }
      if (!reply.ok) throw CodedError.fromEnvelope(reply.error);
      return contract.output.parse(reply.data) as OutputOf<typeof name>;
    });
}

const subjectAttributes = (name: RequestName) => ({
  "messaging.system": "nats",
  "messaging.destination.name": requests[name].subject,
});

function transportError(name: string, server: Service, cause: unknown): CodedError {
  if (cause instanceof Error && cause.name === "TimeoutError") {
    return new CodedError(
      "REQUEST_TIMEOUT",
      "timeout",
      `${server} did not answer ${name} in time`,
      { server },
      { cause },
    );
  }
  return new CodedError(
    "SERVICE_UNREACHABLE",
    "unavailable",
    `${server} cannot be asked ${name} now`,
    { server },
    { cause },
  );
}

/** One NATS subject with the function that answers it: input checked before, errors as envelopes after. */
export interface Responder {
  readonly name: RequestName;
  readonly subject: string;
  /** `trace`: W3C traceparent of who asks. */
  answer(payload: unknown, trace?: string): Promise<Reply>;
}

export function respondersFor<S extends Service>(service: S, handlers: RequestHandlersFor<S>): Responder[] {
  return requestsFor(service).map((name) => ({
    name,
    subject: requests[name].subject,
    async answer(payload, trace) {
      const entry = beginEntry(`answer ${name}`, {
        kind: "server",
        from: trace,
        about: aboutOf(payload),
        attributes: subjectAttributes(name),
      });
      try {
        const input = requests[name].input.safeParse(payload);
        if (!input.success) throw new CodedError("REQUEST_INVALID", "invalid", input.error.message);
        const handler = (handlers as Record<string, (input: unknown) => Promise<unknown>>)[name];
        if (handler === undefined)
          throw new CodedError("HANDLER_MISSING", "bug", `${service} has no handler for ${name}`);
        const data = await entry.run(() => handler(input.data));
        entry.end();
        return { ok: true, data };
      } catch (thrown) {
        const error = asCodedError(thrown);
        entry.end({ error });
        return { ok: false, error: error.toEnvelope() };
      }
    },
  }));
}
