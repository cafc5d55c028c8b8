import { z } from "zod";
import { type AnyEvent, type AnyRequest, events, requests } from "../index.js";

/** JSON, as documents are made of it. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };
export type JsonObject = { readonly [key: string]: Json };

/**
 * A schema as a consumer needs it: what is not named may be there too, so that a message of the next version passes.
 * Draft 7, which AsyncAPI builds on.
 */
export function jsonSchemaOf(schema: z.ZodType): JsonObject {
  const { $schema: _, ...found } = z.toJSONSchema(schema, { io: "input", target: "draft-7" }) as Record<string, Json>;
  return found;
}

const errorEnvelope: JsonObject = {
  type: "object",
  description: "Decide by code and category; message is for people.",
  properties: {
    code: { type: "string" },
    category: {
      enum: ["invalid", "denied", "absent", "conflict", "exhausted", "unavailable", "timeout", "corrupt", "bug"],
    },
    message: { type: "string" },
    details: { type: "object" },
  },
  required: ["code", "category", "message", "details"],
};

/** The frame that Nest's NATS transport puts around a request. */
const requestFrame = (subject: string, input: JsonObject): JsonObject => ({
  type: "object",
  properties: {
    pattern: { const: subject },
    id: { type: "string", description: "any text of the caller's; the reply has the same" },
    data: input,
  },
  required: ["pattern", "id", "data"],
});

/** And around a reply. */
const replyFrame = (output: JsonObject): JsonObject => ({
  type: "object",
  properties: {
    id: { type: "string" },
    isDisposed: { const: true },
    response: {
      oneOf: [
        { type: "object", properties: { ok: { const: true }, data: output }, required: ["ok", "data"] },
        {
          type: "object",
          properties: { ok: { const: false }, error: { $ref: "#/components/schemas/ErrorEnvelope" } },
          required: ["ok", "error"],
        },
      ],
    },
  },
  required: ["id", "response"],
});

const ref = (path: string): JsonObject => ({ $ref: `#/${path}` });

interface Parts {
  readonly channels: Record<string, JsonObject>;
  readonly operations: Record<string, JsonObject>;
  readonly messages: Record<string, JsonObject>;
}

function addEvent(parts: Parts, name: string, event: AnyEvent, summary: string): void {
  parts.messages[name] = {
    name,
    summary,
    contentType: "application/json",
    headers: {
      type: "object",
      properties: { "Nats-Msg-Id": { type: "string", description: "the same for every copy of one fact" } },
    },
    payload: jsonSchemaOf(event.schema),
  };
  parts.channels[name] = {
    address: event.subject,
    description: "In the JetStream stream granary-facts.",
    messages: { [name]: ref(`components/messages/${name}`) },
  };
  const common = { channel: ref(`channels/${name}`), messages: [ref(`channels/${name}/messages/${name}`)] };
  parts.operations[`${event.producer}-announces-${name}`] = {
    action: "send",
    summary,
    tags: [{ name: event.producer }],
    ...common,
  };
  for (const consumer of event.consumers) {
    parts.operations[`${consumer}-hears-${name}`] = {
      action: "receive",
      summary,
      tags: [{ name: consumer }],
      ...common,
    };
  }
}

function addRequest(parts: Parts, name: string, request: AnyRequest, summary: string): void {
  const [asked, answered] = [`${name}Request`, `${name}Reply`];
  const message = { contentType: "application/json" };
  parts.messages[asked] = {
    name: asked,
    summary,
    ...message,
    payload: requestFrame(request.subject, jsonSchemaOf(request.input)),
  };
  parts.messages[answered] = { name: answered, ...message, payload: replyFrame(jsonSchemaOf(request.output)) };
  parts.channels[name] = {
    address: request.subject,
    description: `Core NATS. A caller waits ${request.timeoutMs} ms.`,
    messages: { [asked]: ref(`components/messages/${asked}`) },
  };
  parts.channels[answered] = {
    address: null,
    description: "The reply subject that the caller chose.",
    messages: { [answered]: ref(`components/messages/${answered}`) },
  };
  parts.operations[`${request.server}-answers-${name}`] = {
    action: "receive",
    summary,
    tags: [{ name: request.server }],
    channel: ref(`channels/${name}`),
    messages: [ref(`channels/${name}/messages/${asked}`)],
    reply: { channel: ref(`channels/${answered}`), messages: [ref(`channels/${answered}/messages/${answered}`)] },
  };
}

/** The AsyncAPI 3 document of all that travels over NATS. `summaryOf` tells what a contract is for. */
export function asyncApiDocument(summaryOf: (name: string) => string): JsonObject {
  const parts: Parts = { channels: {}, operations: {}, messages: {} };
  for (const [name, event] of Object.entries(events)) addEvent(parts, name, event, summaryOf(name));
  for (const [name, request] of Object.entries(requests)) addRequest(parts, name, request, summaryOf(name));
  return {
    asyncapi: "3.0.0",
    info: {
      title: "Granary over NATS",
      version: "1.0.0",
      description:
        "Facts over JetStream: at least once, in no order. Questions over core NATS. The last part of a subject is its version; a consumer ignores fields that it does not know.",
    },
    defaultContentType: "application/json",
    servers: { nats: { host: "127.0.0.1:4222", protocol: "nats" } },
    channels: parts.channels,
    operations: parts.operations,
    components: { messages: parts.messages, schemas: { ErrorEnvelope: errorEnvelope } },
  };
}
