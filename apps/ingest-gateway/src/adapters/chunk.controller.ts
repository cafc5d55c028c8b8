import type { UploadModel } from "@granary/database";
import { CodedError } from "@granary/primitives";
import { Controller, Get, Put, Req, Res } from "@nestjs/common";
import type { FastifyReply, FastifyRequest } from "fastify";
import { parseContentRange } from "../body/content-range.js";
import { formFiles, withFirstFile } from "../body/form.js";
import { findChunkedUpload } from "../flow/open-chunked.js";
import { type Block, receiveBlock, receiveRange } from "../flow/receive-chunk.js";
import { reportMissing } from "../flow/report-status.js";
import { answerUpload, envelope, pathOf, queryOf } from "../http/answer.js";
import { encryptionWishOf } from "../http/encryption.js";
import { contentLengthOf, decodeName, headerOf } from "../http/headers.js";
import { countRefusals, withBody } from "../http/receiving.js";
import { plainType, senderOf, uploadHeadsOf } from "../http/sender.js";
import { waitWishOf } from "../http/wait.js";
import { portsToken } from "./tokens.js";
import { receiveForm, receiveRaw } from "./upload.controller.js";

type GatewayPorts = Parameters<typeof withBody>[0];

/** Objects that come in chunks: in any order, several at a time, and again. */
@Controller()
export class ChunkController {
  constructor(@portsToken.inject() private readonly ports: GatewayPorts) {}

  @Put("resume/:name")
  async putRange(@Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    const wish = waitWishOf(queryOf(request).wait, request.headers);
    const upload = await countRefusals(this.ports, () => receiveResume(this.ports, request));
    if (upload.state !== "receiving") return answerUpload(this.ports, reply, upload, wish);
    // No Location here: with this status, clients would follow it.
    await reply
      .status(308)
      .header("content-range", request.headers["content-range"])
      .header("x-granary-upload", upload.id)
      .send(envelope(null, 308));
  }

  @Get("resume/:name")
  async showRanges(@Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    const upload = await findResume(this.ports, request);
    const report = await reportMissing(this.ports, upload);
    const [first] = report.received;
    if (first?.start === 0) reply.header("range", `bytes=0-${first.last}`);
    await reply.header("x-granary-upload", upload.id).send(envelope(report));
  }

  @Put("chunks")
  async putBlock(@Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    const wish = waitWishOf(queryOf(request).wait, request.headers);
    const block = blockOf(request);
    const upload = await countRefusals(this.ports, () => receiveChunk(this.ports, request, block));
    if (upload.state !== "receiving") return answerUpload(this.ports, reply, upload, wish);
    await reply.header("x-granary-upload", upload.id).send(envelope(block.index));
  }

  /** The oldest clients send whole files and blocks alike to the root. */
  @Put()
  async putRoot(@Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    if (request.headers.blocknumber !== undefined) return this.putBlock(request, reply);
    const wish = waitWishOf(queryOf(request).wait, request.headers);
    const upload = await countRefusals(this.ports, () => receiveForm(this.ports, request));
    await answerUpload(this.ports, reply, upload, wish);
  }
}

async function receiveResume(ports: GatewayPorts, request: FastifyRequest): Promise<UploadModel> {
  const range = parseContentRange(headerOf(request.headers, "content-range"));
  const name = pathOf(request).name ?? "";
  const bodyBytes = contentLengthOf(request.headers);
  const encryption = encryptionWishOf(ports, request.headers);
  if (encryption.mode === "cess-cipher") {
    const isWhole = range.start === 0 && range.end === range.total && bodyBytes === range.total;
    if (isWhole) return receiveRaw(ports, request, name);
    throw cipherNeedsWhole();
  }
  const owner = await uploadHeadsOf(ports, request, name);
  return withBody(ports, request, false, (body) => receiveRange(ports, owner, { range, bodyBytes, encryption }, body));
}

/** Each block of its ciphertext needs the one before: what comes out of order would have to be staged in clear. */
const cipherNeedsWhole = () =>
  new CodedError("CIPHER_NEEDS_WHOLE_UPLOAD", "invalid", "an upload with Cipher comes in one body");

/** A numbered block does not say where in the object it stands, and where it stands is part of its encryption. */
const encryptionNeedsRanges = () =>
  new CodedError("ENCRYPTION_NEEDS_RANGES", "invalid", "an encrypted upload comes in one body, or by /resume");

async function findResume(ports: GatewayPorts, request: FastifyRequest): Promise<UploadModel> {
  const total = numberIn(queryOf(request).total);
  if (total === null) throw new CodedError("TOTAL_MISSING", "invalid", "?total= names the size of the object");
  const account = await senderOf(ports, request);
  const territory = headerOf(request.headers, "territory") ?? queryOf(request).territory ?? "";
  const name = pathOf(request).name ?? "";
  const wanted = { account, territory, name, sizeBytes: total, kind: "ranges" as const, partCount: null };
  const upload = await findChunkedUpload(ports, ports.database, wanted);
  if (upload === null) throw new CodedError("UPLOAD_UNKNOWN", "absent", "no chunk of such an upload has come");
  return upload;
}

async function receiveChunk(ports: GatewayPorts, request: FastifyRequest, block: Block): Promise<UploadModel> {
  const encryption = encryptionWishOf(ports, request.headers);
  if (encryption.mode === "cess-cipher") throw cipherNeedsWhole();
  if (encryption.mode === "aes-gcm") throw encryptionNeedsRanges();
  const heads = await uploadHeadsOf(ports, request, decodeName(headerOf(request.headers, "filename") ?? ""));
  const contentType = request.headers["content-type"];
  return withBody(ports, request, false, (body) => {
    if (!contentType?.toLowerCase().startsWith("multipart/")) return receiveBlock(ports, heads, block, body);
    return withFirstFile(formFiles(body, contentType), (file) => {
      const name = heads.name === "" ? decodeName(file.name ?? "") : heads.name;
      return receiveBlock(ports, { ...heads, name, contentType: plainType(file.contentType) }, block, file.body);
    });
  });
}

const BLOCKS_MAX = 100_000;

/** @throws CodedError BLOCK_INVALID (invalid) */
function blockOf(request: FastifyRequest): Block {
  const count = numberIn(headerOf(request.headers, "blocknumber"));
  const index = numberIn(headerOf(request.headers, "blockindex"));
  const totalBytes = numberIn(headerOf(request.headers, "totalsize"));
  const isValid = count !== null && index !== null && totalBytes !== null && index < count && count <= BLOCKS_MAX;
  if (isValid) return { index, count, totalBytes };
  throw new CodedError(
    "BLOCK_INVALID",
    "invalid",
    "a block has the headers BlockNumber (how many), BlockIndex (from 0) and TotalSize",
  );
}

function numberIn(text: string | undefined): number | null {
  if (text === undefined || !/^\d{1,15}$/.test(text.trim())) return null;
  return Number(text);
}
