import { parseAccount } from "@granary/chain-client/accounts";
import { type AccountId, CodedError, parseFid } from "@granary/primitives";
import { Controller, Delete, Get, Req, Res } from "@nestjs/common";
import type { FastifyReply, FastifyRequest } from "fastify";
import { deleteFile } from "../flow/delete-file.js";
import { explainMiner } from "../flow/explain-miner.js";
import { listFiles } from "../flow/list-files.js";
import { listTerritories } from "../flow/list-territories.js";
import { mapFile, showLocation, showMetadata } from "../flow/show-file.js";
import { envelope, pathOf, queryOf } from "../http/answer.js";
import { headerOf } from "../http/headers.js";
import { limitOf } from "../http/limit.js";
import { senderOf } from "../http/sender.js";
import type { Ports } from "../ports.js";
import { portsToken } from "./tokens.js";

const fidIn = (request: FastifyRequest) => parseFid(pathOf(request).fid ?? "");

/** What there is: files, miners, territories. */
@Controller()
export class CatalogueController {
  constructor(@portsToken.inject() private readonly ports: Ports) {}

  @Get("version")
  async version(@Res() reply: FastifyReply) {
    await reply.header("content-type", "application/json; charset=utf-8").send(JSON.stringify("granary v0.1.0"));
  }

  /** The account that an owner authorizes, so that this gateway may store for it. */
  @Get("gateway")
  async gateway(@Res() reply: FastifyReply) {
    await reply.send(envelope(await this.ports.request("gatewayShow", {})));
  }

  @Get("favicon.ico")
  async favicon(@Res() reply: FastifyReply) {
    await reply.status(204).header("cache-control", "public, max-age=86400").send();
  }

  @Get("file/metadata/:fid")
  async metadata(@Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    await reply.send(envelope(await showMetadata(this.ports, fidIn(request))));
  }

  @Get("file/location/:fid")
  async location(@Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    await reply.send(envelope(await showLocation(this.ports, fidIn(request))));
  }

  @Get("file/map/:fid")
  async map(@Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    const query = queryOf(request);
    const from = query.from === undefined ? 0 : limitOf(query.from, { standard: 0, most: 999_999 });
    const count = limitOf(query.count, { standard: 16, most: 64 });
    await reply.send(envelope(await mapFile(this.ports, fidIn(request), { from, count })));
  }

  @Get("file/list")
  async list(@Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    const query = queryOf(request);
    const territory = query.territory ?? query.Territory ?? headerOf(request.headers, "territory");
    const { files, next } = await listFiles(this.ports, {
      account: accountIn(request),
      territory: territory || null,
      cursor: query.cursor ?? null,
      limit: limitOf(query.limit, { standard: 1000, most: 1000 }),
    });
    if (next !== null) linkNext(request, reply, next);
    // DeOSS clients read an array; who asks for pages gets the cursor in the body too.
    await reply.send(envelope(query.paged === "true" ? { files, next } : files));
  }

  @Delete("file/:fid")
  async remove(@Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    const account = await senderOf(this.ports, request);
    const { blockHash, blockNumber } = await deleteFile(this.ports, account, fidIn(request));
    await reply.send(envelope({ "block hash": blockHash, "block number": blockNumber }));
  }

  @Get("miners")
  async miners(@Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    const query = queryOf(request);
    const after = query.cursor === undefined ? null : parseAccount(query.cursor);
    const count = limitOf(query.limit, { standard: 1000, most: 1000 });
    const { miners, next } = await this.ports.request("minersList", { after, count });
    if (next !== null) linkNext(request, reply, next);
    await reply.send(envelope(miners));
  }

  /** Why a miner gets columns, or does not. */
  @Get("miners/:account")
  async explainMiner(@Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    const account = parseAccount(pathOf(request).account ?? "");
    await reply.send(envelope(await explainMiner(this.ports, account)));
  }

  @Get("territories/:account")
  async territories(@Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    await reply.send(envelope(await listTerritories(this.ports, accountIn(request))));
  }

  @Get("territories")
  territoriesOfSender(@Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    return this.territories(request, reply);
  }
}

/** @throws CodedError ACCOUNT_MISSING, ACCOUNT_INVALID (invalid) */
function accountIn(request: FastifyRequest): AccountId {
  const query = queryOf(request);
  const text = pathOf(request).account ?? query.account ?? query.Account ?? headerOf(request.headers, "account");
  if (!text) throw new CodedError("ACCOUNT_MISSING", "invalid", "Account names whose it is");
  return parseAccount(text);
}

function linkNext(request: FastifyRequest, reply: FastifyReply, cursor: string): void {
  const url = new URL(request.url, "http://gateway");
  url.searchParams.set("cursor", cursor);
  reply.header("x-granary-next", cursor).header("link", `<${url.pathname}${url.search}>; rel="next"`);
}
