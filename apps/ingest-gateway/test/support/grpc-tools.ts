import { createRequire } from "node:module";
import path from "node:path";
import { credentials, loadPackageDefinition, Metadata } from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";
import { protoPath } from "grpc-health-check";
import type { Message } from "./grpc-consumer.js";

/** The standard health question, as Kubernetes and grpc_health_probe ask it. */
export function healthOf(address: string, service: string): Promise<string> {
  const { grpc } = loadPackageDefinition(loadSync(protoPath, { enums: String })) as Message;
  const client = new grpc.health.v1.Health(address, credentials.createInsecure());
  return new Promise((resolve, reject) => {
    client.check({ service }, (error: Error | null, answer: Message) => {
      client.close();
      if (error) reject(error);
      else resolve(answer.status);
    });
  });
}

/** What grpcurl lists. */
export function reflectedServices(address: string, token: string): Promise<string[]> {
  const folder = path.dirname(createRequire(import.meta.url).resolve("@grpc/reflection/package.json"));
  const definition = loadSync(path.join(folder, "build/proto/grpc/reflection/v1/reflection.proto"), {});
  const { grpc } = loadPackageDefinition(definition) as Message;
  const client = new grpc.reflection.v1.ServerReflection(address, credentials.createInsecure());
  const metadata = new Metadata();
  metadata.set("authorization", `Bearer ${token}`);
  return new Promise((resolve, reject) => {
    const call = client.serverReflectionInfo(metadata);
    call.on("data", (answer: Message) => {
      resolve(answer.listServicesResponse.service.map((one: { name: string }) => one.name));
      call.end();
    });
    call.on("error", reject);
    call.on("end", () => client.close());
    call.write({ listServices: "" });
  });
}
