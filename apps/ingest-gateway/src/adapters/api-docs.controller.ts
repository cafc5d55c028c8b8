import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";
import { CodedError } from "@granary/primitives";
import { token } from "@granary/service-runtime";
import { Controller, Get, Req, Res } from "@nestjs/common";
import type { FastifyReply, FastifyRequest } from "fastify";
import { pathOf } from "../http/answer.js";

/** The document as text. Made where the routes are known. */
export const openApiToken = token<string>("openapi");

const library = path.dirname(createRequire(import.meta.url).resolve("swagger-ui-dist/package.json"));
const libraryFiles: Readonly<Record<string, string>> = {
  "swagger-ui.css": "text/css; charset=utf-8",
  "swagger-ui-bundle.js": "text/javascript; charset=utf-8",
};

const start = `window.addEventListener("load", () => {
  SwaggerUIBundle({ url: "/openapi.json", dom_id: "#docs", validatorUrl: null, deepLinking: true });
});
`;

const page = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Granary: the HTTP API</title>
<link rel="stylesheet" href="/docs/swagger-ui.css">
</head>
<body>
<div id="docs"></div>
<script src="/docs/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
`;

/** Nothing from other hosts, and nothing sent to them. */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** What the gateway can do, for programs and for people. */
@Controller()
export class ApiDocsController {
  constructor(@openApiToken.inject() private readonly document: string) {}

  @Get("openapi.json")
  async openApi(@Res() reply: FastifyReply) {
    await reply.header("content-type", "application/json; charset=utf-8").send(this.document);
  }

  @Get("docs")
  async docs(@Res() reply: FastifyReply) {
    await send(reply, "text/html; charset=utf-8", page);
  }

  @Get("docs/:file")
  async file(@Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    const { file = "" } = pathOf(request);
    if (file === "start.js") return send(reply, "text/javascript; charset=utf-8", start);
    const type = Object.hasOwn(libraryFiles, file) ? libraryFiles[file] : undefined;
    if (type === undefined) throw new CodedError("ROUTE_UNKNOWN", "absent", `there is no GET /docs/${file}`);
    return send(reply, type, await readFile(path.join(library, file)));
  }
}

async function send(reply: FastifyReply, type: string, body: string | Buffer): Promise<void> {
  await reply
    .header("content-type", type)
    .header("content-security-policy", POLICY)
    .header("x-content-type-options", "nosniff")
    .send(body);
}
