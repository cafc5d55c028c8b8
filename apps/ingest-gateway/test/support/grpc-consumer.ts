import path from "node:path";
import { fileURLToPath } from "node:url";
import { type Client, credentials, loadPackageDefinition, Metadata, type ServiceError } from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";

/** All that an outside consumer is given. */
const protoFolder = fileURLToPath(new URL("../../../../packages/contracts/proto", import.meta.url));

// biome-ignore lint/suspicious/noExplicitAny: a consumer without generated types sees messages like this
export type Message = any;
type Service = "ObjectService" | "DealService" | "MinerService" | "OperatorService";

/** A client that knows the .proto files and nothing else of the gateway. */
export interface Consumer {
  /** Every rpc of the .proto files, as Service/Method. */
  readonly methods: readonly string[];
  readonly called: Set<string>;
  ask(service: Service, method: string, request: object): Promise<Message>;
  put(messages: Iterable<object> | AsyncIterable<object>, signal?: AbortSignal): Promise<Message>;
  stream(service: Service, method: string, request: object): AsyncIterable<Message> & { cancel(): void };
  close(): void;
}

export function connectConsumer(
  address: string,
  options: { token?: string; operator?: string; channel?: ReturnType<typeof credentials.createInsecure> } = {},
): Consumer {
  const files = ["object", "deal", "miner", "operator"].map((name) =>
    path.join(protoFolder, "granary/v1", `${name}.proto`),
  );
  const definition = loadSync(files, { includeDirs: [protoFolder], longs: Number, enums: String, defaults: true });
  const { v1 } = loadPackageDefinition(definition).granary as Message;
  const channel = options.channel ?? credentials.createInsecure();
  const clients = Object.fromEntries(
    Object.entries(v1 as Record<string, Message>)
      .filter(([, made]) => typeof made === "function" && made.service !== undefined)
      .map(([name, Made]) => [name, new Made(address, channel) as Client & Record<string, Message>]),
  );
  const metadata = () => {
    const made = new Metadata();
    if (options.token !== undefined) made.set("authorization", `Bearer ${options.token}`);
    if (options.operator !== undefined) made.set("granary-operator", `Bearer ${options.operator}`);
    return made;
  };
  const called = new Set<string>();
  const methodOf = (service: Service, method: string) => {
    called.add(`${service}/${method}`);
    const client = clients[service] as Record<string, Message>;
    return client[method].bind(client);
  };
  const settle = (run: (callback: (error: ServiceError | null, answer: Message) => void) => void) =>
    new Promise<Message>((resolve, reject) => run((error, answer) => (error ? reject(error) : resolve(answer))));

  return {
    methods: Object.entries(v1 as Record<string, Message>).flatMap(([name, made]) =>
      Object.keys(made.service ?? {}).map((method) => `${name}/${method}`),
    ),
    called,
    ask: (service, method, request) => settle((callback) => methodOf(service, method)(request, metadata(), callback)),
    put: (messages, signal) =>
      settle(async (callback) => {
        let isOver = false;
        const call = methodOf("ObjectService", "Put")(metadata(), (error: ServiceError | null, answer: Message) => {
          isOver = true;
          call.emit("drain");
          callback(error, answer);
        });
        signal?.addEventListener("abort", () => call.cancel());
        for await (const message of messages) {
          if (isOver) return;
          if (!call.write(message)) await new Promise((resolve) => call.once("drain", resolve));
        }
        call.end();
      }),
    stream: (service, method, request) => methodOf(service, method)(request, metadata()),
    close: () => {
      for (const client of Object.values(clients)) client.close();
    },
  };
}

/** What a program decides by, from the trailing metadata. */
export const codeOf = (error: ServiceError): string => String(error.metadata.get("granary-code")[0]);
