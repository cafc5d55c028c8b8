import type { UploadModel } from "@granary/database";
import { asCodedError, CodedError } from "@granary/primitives";
import { Controller, Put, Req, Res } from "@nestjs/common";
import type { FastifyReply, FastifyRequest } from "fastify";
import { type FormFile, formFileMissing, formFiles, withFirstFile } from "../body/form.js";
import { FORM_OVERHEAD_BYTES } from "../config.js";
import { awaitStage } from "../flow/await-stage.js";
import { receiveWhole } from "../flow/receive-whole.js";
import { answerUpload, envelope, pathOf, patienceOf, queryOf, statusUrlOf } from "../http/answer.js";
import { encryptionWishOf } from "../http/encryption.js";
import { contentLengthOf, decodeName, headerOf } from "../http/headers.js";
import { countRefusals, withBody } from "../http/receiving.js";
import { plainType, uploadHeadsOf } from "../http/sender.js";
import { type WaitWish, waitWishOf } from "../http/wait.js";
import { portsToken } from "./tokens.js";

type GatewayPorts = Parameters<typeof withBody>[0];

/** Objects that come in one body. */
@Controller()
export class UploadController {
  constructor(@portsToken.inject() private readonly ports: GatewayPorts) {}

  @Put("file")
  async putFile(@Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    const wish = waitWishOf(queryOf(request).wait, request.headers);
    const upload = await countRefusals(this.ports, () => receiveForm(this.ports, request));
    await answerUpload(this.ports, reply, upload, wish);
  }

  @Put("object/:name")
  async putObject(@Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    const wish = waitWishOf(queryOf(request).wait, request.headers);
    const name = pathOf(request).name || "object";
    const upload = await countRefusals(this.ports, () => receiveRaw(this.ports, request, name));
    await answerUpload(this.ports, reply, upload, wish);
  }

  @Put("files")
  async putFiles(@Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    const wish = waitWishOf(queryOf(request).wait, request.headers);
    const received = await countRefusals(this.ports, () => receiveForms(this.ports, request));
    const results = await settleBatch(this.ports, reply, received, wish);
    const isAllWell = results.every((one) => one.result !== "failed");
    await reply.status(isAllWell ? 200 : 207).send(envelope(results, isAllWell ? 200 : 207));
  }
}

/** PUT /object/:name, and any other whole object that is the body itself. */
export async function receiveRaw(ports: GatewayPorts, request: FastifyRequest, name: string): Promise<UploadModel> {
  const encryption = encryptionWishOf(ports, request.headers);
  const heads = await uploadHeadsOf(ports, request, name);
  const sizeBytes = contentLengthOf(request.headers);
  const wanted = { ...heads, sizeBytes, atLeastBytes: sizeBytes ?? 1 };
  return withBody(ports, request, encryption.mode === "cess-cipher", (body) =>
    receiveWhole(ports, wanted, body, encryption),
  );
}

/** PUT /file: the first file of the form. */
export async function receiveForm(ports: GatewayPorts, request: FastifyRequest): Promise<UploadModel> {
  const encryption = encryptionWishOf(ports, request.headers);
  const heads = await uploadHeadsOf(ports, request, decodeName(headerOf(request.headers, "filename") ?? ""));
  const atLeastBytes = Math.max(1, (contentLengthOf(request.headers) ?? 0) - FORM_OVERHEAD_BYTES);
  return withBody(ports, request, encryption.mode === "cess-cipher", (body) =>
    withFirstFile(formFiles(body, request.headers["content-type"]), (file) =>
      receiveWhole(
        ports,
        { ...heads, ...namesOf(file, heads.name), sizeBytes: null, atLeastBytes },
        file.body,
        encryption,
      ),
    ),
  );
}

const namesOf = (file: FormFile, name: string) => ({
  name: name !== "" ? name : decodeName(file.name ?? ""),
  contentType: plainType(file.contentType),
});

interface BatchItem {
  readonly name: string;
  readonly size: number;
  readonly outcome: UploadModel | CodedError;
}

/** PUT /files: each file is an upload of its own; one that is refused does not stop the others. */
async function receiveForms(ports: GatewayPorts, request: FastifyRequest): Promise<BatchItem[]> {
  const encryption = encryptionWishOf(ports, request.headers);
  const heads = await uploadHeadsOf(ports, request, "");
  const items: BatchItem[] = [];
  return withBody(ports, request, encryption.mode === "cess-cipher", async (body) => {
    for await (const file of formFiles(body, request.headers["content-type"])) {
      if (items.length >= ports.config.FORM_FILES_MAX) {
        throw new CodedError(
          "FORM_FILES_TOO_MANY",
          "invalid",
          `a form has at most ${ports.config.FORM_FILES_MAX} files`,
        );
      }
      const wanted = { ...heads, ...namesOf(file, ""), sizeBytes: null, atLeastBytes: 1 };
      const outcome = await receiveWhole(ports, wanted, file.body, encryption).catch(asCodedError);
      const size = outcome instanceof CodedError ? 0 : Number(outcome.sizeBytes);
      items.push({ name: wanted.name, size, outcome });
    }
    if (items.length === 0) throw formFileMissing();
    return items;
  });
}

interface BatchResult {
  readonly name: string;
  readonly fid: string;
  readonly result: "success" | "accepted" | "failed";
  readonly reason: string;
  readonly size: number;
  readonly code?: string;
  readonly uploadId?: string;
  readonly statusUrl?: string;
}

async function settleBatch(
  ports: GatewayPorts,
  reply: FastifyReply,
  items: readonly BatchItem[],
  wish: WaitWish,
): Promise<BatchResult[]> {
  const patience = patienceOf(ports, reply);
  const settle = async ({ name, size, outcome }: BatchItem): Promise<BatchResult> => {
    if (outcome instanceof CodedError) {
      return { name, fid: "", result: "failed", reason: outcome.message, size, code: outcome.code };
    }
    const link = { uploadId: outcome.id, statusUrl: statusUrlOf(ports, outcome.id) };
    try {
      const upload = await awaitStage(ports, outcome, wish.stage, patience);
      const result = upload.fid === null ? "accepted" : "success";
      return { name, fid: upload.fid ?? "", result, reason: "", size, ...link };
    } catch (error) {
      const { code, message } = asCodedError(error);
      return { name, fid: "", result: "failed", reason: message, size, code, ...link };
    }
  };
  return Promise.all(items.map(settle));
}
