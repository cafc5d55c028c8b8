import { parseAccount } from "@granary/chain-client/accounts";
import { UploadState } from "@granary/database";
import { CodedError, parseUploadId } from "@granary/primitives";
import { Controller, Delete, Get, Req, Res } from "@nestjs/common";
import type { FastifyReply, FastifyRequest } from "fastify";
import { awaitStage } from "../flow/await-stage.js";
import { cancelUpload } from "../flow/cancel-upload.js";
import { loadUpload, reportMissing, reportStatus, statusOf } from "../flow/report-status.js";
import { envelope, pathOf, patienceOf, queryOf } from "../http/answer.js";
import { headerOf } from "../http/headers.js";
import { limitOf } from "../http/limit.js";
import { senderOf } from "../http/sender.js";
import { waitWishOf } from "../http/wait.js";
import type { Ports } from "../ports.js";
import { portsToken } from "./tokens.js";

const uploadIdIn = (request: FastifyRequest) => parseUploadId(pathOf(request).id ?? "");

/** What has become of an upload. Its id is known to its client only, so no signature is asked for. */
@Controller("uploads")
export class UploadsController {
  constructor(@portsToken.inject() private readonly ports: Ports) {}

  @Get(":id")
  async show(@Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    const { wait } = queryOf(request);
    let upload = await loadUpload(this.ports, uploadIdIn(request));
    if (wait !== undefined && upload.state !== "failed") {
      const { stage } = waitWishOf(wait, request.headers);
      const before = upload;
      const patience = patienceOf(this.ports, reply);
      // A failure is a state like others here: the answer tells it.
      upload = await awaitStage(this.ports, before, stage, patience).catch(() =>
        loadUpload(this.ports, uploadIdIn(request)),
      );
    }
    await reply.header("cache-control", "no-store").send(envelope(await reportStatus(this.ports, upload)));
  }

  @Get(":id/missing")
  async showMissing(@Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    const upload = await loadUpload(this.ports, uploadIdIn(request));
    await reply.header("cache-control", "no-store").send(envelope(await reportMissing(this.ports, upload)));
  }

  @Get()
  async list(@Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    const query = queryOf(request);
    const text = query.account ?? query.Account ?? headerOf(request.headers, "account");
    if (!text) throw new CodedError("ACCOUNT_MISSING", "invalid", "Account names whose uploads are listed");
    const state = stateIn(query.state);
    const uploads = await this.ports.database.upload.findMany({
      where: { account: parseAccount(text), ...(state === null ? {} : { state }), ...beforeIn(query.before) },
      orderBy: { createdAt: "desc" },
      take: limitOf(query.limit, { standard: 100, most: 1000 }),
    });
    const page = uploads.map((upload) => statusOf(upload, Number(upload.sizeBytes ?? 0n)));
    await reply.header("cache-control", "no-store").send(envelope(page));
  }

  @Delete(":id")
  async cancel(@Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    const account = await senderOf(this.ports, request);
    await cancelUpload(this.ports, account, uploadIdIn(request));
    await reply.send(envelope(null));
  }
}

/** @throws CodedError STATE_INVALID (invalid) */
function stateIn(text: string | undefined): UploadState | null {
  if (text === undefined) return null;
  if (Object.hasOwn(UploadState, text)) return text as UploadState;
  throw new CodedError("STATE_INVALID", "invalid", `a state is one of ${Object.keys(UploadState).join(", ")}`);
}

/** Older than an instant: the `createdAt` of the last upload of the page before. */
function beforeIn(text: string | undefined): { createdAt?: { lt: Date } } {
  if (text === undefined) return {};
  const at = new Date(text);
  if (Number.isNaN(at.getTime())) throw new CodedError("BEFORE_INVALID", "invalid", "before is an ISO 8601 instant");
  return { createdAt: { lt: at } };
}
