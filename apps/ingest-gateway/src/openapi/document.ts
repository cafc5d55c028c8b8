import { z } from "zod";
import * as answers from "./answers.js";
import { type Operation, operations, type ParameterName, parameters } from "./operations.js";

/** A route as the router has it: /uploads/:id */
export interface Route {
  readonly method: string;
  readonly path: string;
}

type Json = Record<string, unknown>;

const schemaOf = (schema: z.ZodType): Json => {
  const { $schema: _, ...found } = z.toJSONSchema(schema, { io: "output" });
  return found;
};

/** Where a name is not the parameter's own. */
const ownNames: Partial<Record<ParameterName, string>> = {
  ContentRange: "Content-Range",
  IfNoneMatch: "If-None-Match",
  IfRange: "If-Range",
  beforeId: "before",
  EncryptionKey: "Encryption-Key",
};

function parameterOf(name: ParameterName): Json {
  const { schema, ...rest } = parameters[name];
  return { name: ownNames[name] ?? name, required: false, ...rest, schema: schemaOf(schema) };
}

const envelope = (status: number, data: z.ZodType): Json => ({
  type: "object",
  properties: { code: { const: status }, msg: { type: "string" }, data: schemaOf(data) },
  required: ["code", "msg", "data"],
});

function responsesOf(operation: Operation): Json {
  const withData = Object.entries(operation.data ?? {}).map(([status, data]) => [
    status,
    { description: describe(status), content: { "application/json": { schema: envelope(Number(status), data) } } },
  ]);
  const withMedia = Object.entries(operation.media ?? {}).map(([status, media]) => [
    status,
    { description: describe(status), ...(media === "" ? {} : { content: { [media]: {} } }) },
  ]);
  const failed = { description: "An error", content: { "application/json": { schema: refTo("Error") } } };
  return Object.fromEntries([...withData, ...withMedia, ["default", failed]]);
}

const refTo = (name: string): Json => ({ $ref: `#/components/schemas/${name}` });

const descriptions: Record<string, string> = {
  200: "Done",
  202: "The bytes are safe; the rest goes on",
  204: "Nothing",
  206: "The range",
  207: "Some of it failed",
  308: "The part is safe; others are missing",
};
const describe = (status: string): string => descriptions[status] ?? "An answer";

const bodies: Record<"bytes" | "form", Json> = {
  bytes: { "application/octet-stream": {} },
  form: {
    "multipart/form-data": {
      schema: {
        type: "object",
        properties: { file: { type: "string", contentMediaType: "application/octet-stream" } },
      },
    },
  },
};

function operationOf({ method, path }: Route): Json {
  const operation = operations[`${method} ${path}`];
  const inPath = [...path.matchAll(/:(\w+)/g)].map(([, name]) => {
    return { name, in: "path", required: true, schema: { type: "string" } };
  });
  if (operation === undefined)
    return { summary: "", parameters: inPath, responses: responsesOf({ tag: "service", summary: "" }) };
  return {
    operationId: `${method.toLowerCase()}${path.replace(/[^A-Za-z]+(\w)?/g, (_, letter = "") => letter.toUpperCase())}`,
    tags: [operation.tag],
    summary: operation.summary,
    parameters: [...inPath, ...(operation.reads ?? []).map(parameterOf)],
    ...(operation.body === undefined ? {} : { requestBody: { required: true, content: bodies[operation.body] } }),
    responses: responsesOf(operation),
  };
}

/** The OpenAPI 3.1 document of these routes. What is no route is not in it; a route without a description is, without one. */
export function openApiOf(routes: readonly Route[]): Json {
  const paths: Record<string, Json> = {};
  const sorted = [...routes].sort((a, b) => (`${a.path} ${a.method}` < `${b.path} ${b.method}` ? -1 : 1));
  for (const route of sorted) {
    const path = route.path.replace(/:(\w+)/g, "{$1}");
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operationOf(route) };
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "Granary",
      version: "1.0.0",
      description:
        "A gateway to decentralized object storage. JSON answers have the envelope {code, msg, data}; errors add `error`. GET routes answer HEAD too.",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    servers: [{ url: "/" }],
    tags: ["upload", "download", "catalogue", "network", "operator", "service"].map((name) => ({ name })),
    paths,
    components: { schemas: { Error: schemaOf(answers.error) } },
  };
}
