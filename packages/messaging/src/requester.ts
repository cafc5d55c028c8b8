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
import type { ClientProxy } from "@nestjs/microservices";
import { firstValueFrom, timeout } from "rxjs";

type Reply = { ok: true; data: unknown } | { ok: false; error: ErrorEnvelope };

/** Asks another service. @throws the CodedError that the other side threw, or REQUEST_TIMEOUT, SERVICE_UNREACHABLE */
export type Requester = <K extends RequestName>(name: K, input: InputOf<K>) => Promise<OutputOf<K>>;

export function createRequester(client: ClientProxy): Requester {
  return async (name, input) => {
    const contract = requests[name];
    let reply: Reply;
    try {
      reply = await firstValueFrom(client.send<Reply>(contract.subject, input).pipe(timeout(contract.timeoutMs)));
    } catch (cause) {
      throw transportError(name, contract.server, cause);
    }
    if (!reply.ok) throw CodedError.fromEnvelope(reply.error);
    return contract.output.parse(reply.data) as OutputOf<typeof name>;
  };
}

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
  answer(payload: unknown): Promise<Reply>;
}

export function respondersFor<S extends Service>(service: S, handlers: RequestHandlersFor<S>): Responder[] {
  return requestsFor(service).map((name) => ({
    name,
    subject: requests[name].subject,
    async answer(payload) {
      try {
        const input = requests[name].input.safeParse(payload);
        if (!input.success) throw new CodedError("REQUEST_INVALID", "invalid", input.error.message);
        const handler = (handlers as Record<string, (input: unknown) => Promise<unknown>>)[name];
        if (handler === undefined)
          throw new CodedError("HANDLER_MISSING", "bug", `${service} has no handler for ${name}`);
        return { ok: true, data: await handler(input.data) };
      } catch (thrown) {
        return { ok: false, error: asCodedError(thrown).toEnvelope() };
      }
    },
  }));
}
