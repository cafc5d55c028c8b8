import "reflect-metadata";
import { observeResponders, type Responder } from "@granary/messaging";
import type { Log, Register } from "@granary/telemetry";
import { Module, type Provider, type Type } from "@nestjs/common";
import { NestFactory } from "@nestjs/core";
import type { MicroserviceOptions } from "@nestjs/microservices";
import { FastifyAdapter, type NestFastifyApplication } from "@nestjs/platform-fastify";
import { createInFlight, DrainingNats } from "./draining-nats.js";
import { ErrorFilter } from "./error.filter.js";
import { createHealth, type HealthCheck } from "./health.js";
import { observeHttp } from "./http-metrics.js";
import { createRequestController } from "./request-controller.js";
import { healthToken, registerToken, StatusController } from "./status.controller.js";
import { traceHttp } from "./tracing.js";

/** Something that a service started and must stop: listed in the order of starting, stopped in the reverse. */
export interface Part {
  readonly name: string;
  stop(): Promise<void>;
}

export interface ServiceOptions {
  readonly name: string;
  readonly http: { readonly host: string; readonly port: number };
  readonly natsUrl: string;
  readonly log: Log;
  readonly register: Register;
  readonly controllers?: readonly Type<unknown>[];
  readonly providers?: readonly Provider[];
  /** Answers to requests over NATS; every replica answers, one per request. */
  readonly responders?: readonly Responder[];
  readonly checks: Readonly<Record<string, HealthCheck>>;
  /** Adapts Fastify before the routes are made: parsers, hooks, limits. */
  readonly prepare?: (app: NestFastifyApplication) => void | Promise<void>;
  readonly fastify?: ConstructorParameters<typeof FastifyAdapter>[0];
  readonly stopping: {
    /** How long it still takes requests when it is not ready any more. */
    readonly DRAIN_PAUSE: number;
    readonly EXIT_GRACE: number;
  };
}

export interface Service {
  readonly app: NestFastifyApplication;
  /** http://host:port it listens on. */
  readonly url: string;
  /**
   * Not ready from now on; takes no more after a pause; answers whom it has begun to serve; then stops its parts, last
   * started first: no new messages and jobs, the running ones to their end or given back, loops, connections.
   */
  stop(): Promise<void>;
}

/**
 * Starts a service: HTTP with health and metrics, requests over NATS, then hands over to the parts that were started
 * before it (database, loops, consumers) for the ordered end.
 */
export async function startService(options: ServiceOptions, parts: readonly Part[]): Promise<Service> {
  const health = createHealth(options.checks);
  health.observe(options.register);
  const inFlight = createInFlight();
  const requestControllers = options.responders?.length
    ? [createRequestController(inFlight.track(observeResponders(options.register, options.responders)))]
    : [];

  class ServiceModule {}
  Module({
    controllers: [StatusController, ...(options.controllers ?? []), ...requestControllers],
    providers: [healthToken.provide(health), registerToken.provide(options.register), ...(options.providers ?? [])],
  })(ServiceModule);

  // What comes on an open connection while the listener closes is served, as the last on that connection.
  const adapter = new FastifyAdapter({ ...options.fastify, return503OnClosing: false });
  const app = await NestFactory.create<NestFastifyApplication>(ServiceModule, adapter, {
    logger: ["error", "fatal"],
    bodyParser: false,
    abortOnError: false,
  });
  app.useGlobalFilters(new ErrorFilter(options.log));
  observeHttp(app, options.register);
  traceHttp(app);
  await options.prepare?.(app);
  if (requestControllers.length > 0) {
    const nats = {
      servers: options.natsUrl.split(","),
      queue: options.name,
      maxReconnectAttempts: -1,
      reconnectTimeWait: 250,
    };
    const strategy = new DrainingNats(nats, inFlight, options.stopping.EXIT_GRACE / 2);
    app.connectMicroservice<MicroserviceOptions>({ strategy });
    await app.startAllMicroservices();
  }
  await app.listen(options.http.port, options.http.host);
  const url = (await app.getUrl()).replace("[::1]", "127.0.0.1");
  health.started();
  options.log.info("service is up", { url });

  let stopped: Promise<void> | undefined;
  return {
    app,
    url,
    stop: () => {
      stopped ??= (async () => {
        options.log.info("service is draining");
        health.drain();
        await new Promise((resolve) => setTimeout(resolve, options.stopping.DRAIN_PAUSE));
        await app.close();
        for (const part of [...parts].reverse()) {
          await part.stop().catch((error: unknown) => options.log.thrown(`${part.name} did not stop cleanly`, error));
        }
        options.log.info("service has stopped");
      })();
      return stopped;
    },
  };
}
