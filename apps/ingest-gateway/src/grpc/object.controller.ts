import { parseAccount } from "@granary/chain-client/accounts";
import { parseFid, parseUploadId } from "@granary/primitives";
import type { ServerReadableStream, sendUnaryData } from "@grpc/grpc-js";
import { Controller, UseFilters } from "@nestjs/common";
import { GrpcMethod, GrpcStreamCall } from "@nestjs/microservices";
import { EMPTY } from "rxjs";
import type { RetrievalClient } from "../adapters/retrieval-client.js";
import { portsToken, retrievalToken } from "../adapters/tokens.js";
import { cancelUpload } from "../flow/cancel-upload.js";
import { deleteFile } from "../flow/delete-file.js";
import { listFiles } from "../flow/list-files.js";
import { loadUpload, reportStatus } from "../flow/report-status.js";
import { showMetadata } from "../flow/show-file.js";
import { countRefusals, type Receiving } from "../http/receiving.js";
import type { Ports } from "../ports.js";
import { type AnswerCall, getObject, type ReaderKeys } from "./get-object.js";
import { pageSizeOf, uploadMessage } from "./message.js";
import { type PutRequest, putObject } from "./put-object.js";
import { GrpcErrorFilter, grpcStatusOf } from "./status.js";
import { watchUpload } from "./watch-upload.js";

interface GetRequest extends ReaderKeys {
  readonly fid: string;
  readonly offset: number;
  readonly length?: number;
}

/** granary.v1.ObjectService, as packages/contracts/proto has it. */
@Controller()
@UseFilters(GrpcErrorFilter)
export class ObjectGrpcController {
  constructor(
    @portsToken.inject() private readonly ports: Ports & { readonly receiving: Receiving },
    @retrievalToken.inject() private readonly retrieval: RetrievalClient,
  ) {}

  /** Nest gives a stream's raw call no filter, so this method answers its errors itself. */
  @GrpcStreamCall("ObjectService", "Put")
  async put(call: ServerReadableStream<PutRequest, object>, callback: sendUnaryData<object>): Promise<void> {
    try {
      const upload = await countRefusals(this.ports, () => putObject(this.ports, call));
      callback(null, await this.uploadAnswer(upload));
    } catch (error) {
      this.ports.log.thrown("a gRPC call ended with an error", error, { method: "Put" });
      callback(grpcStatusOf(error));
    }
  }

  @GrpcMethod("ObjectService", "Get")
  async get({ fid, offset, length, ...keys }: GetRequest, _metadata: unknown, call: AnswerCall) {
    const wanted = { fid: parseFid(fid), offset, length: length ?? null, keys };
    await getObject({ ...this.ports, retrieval: this.retrieval }, wanted, call);
    return EMPTY;
  }

  @GrpcMethod("ObjectService", "Stat")
  async stat({ fid }: { fid: string }) {
    const { size, owner, state, segmentCount } = await showMetadata(this.ports, parseFid(fid));
    const owners = owner.map(({ user, territory, file_name }) => ({ account: user, territory, name: file_name }));
    return { object: { fid, sizeBytes: size, state, segmentCount, owners } };
  }

  @GrpcMethod("ObjectService", "List")
  async list(request: { account: string; territory: string; pageSize: number; pageToken: string }) {
    const { files, next } = await listFiles(this.ports, {
      account: parseAccount(request.account),
      territory: request.territory || null,
      cursor: request.pageToken || null,
      limit: pageSizeOf(request.pageSize),
    });
    return { objects: files.map(({ size, ...file }) => ({ ...file, sizeBytes: size })), nextPageToken: next ?? "" };
  }

  @GrpcMethod("ObjectService", "Delete")
  async delete({ account, fid }: { account: string; fid: string }) {
    const owner = parseAccount(account);
    this.ports.checkAccess(owner);
    const { blockHash, blockNumber } = await deleteFile(this.ports, owner, parseFid(fid));
    return { blockHash, ...(blockNumber === null ? {} : { blockNumber }) };
  }

  @GrpcMethod("ObjectService", "GetUpload")
  async getUpload({ uploadId }: { uploadId: string }) {
    return this.uploadAnswer(await loadUpload(this.ports, parseUploadId(uploadId)));
  }

  @GrpcMethod("ObjectService", "WatchUpload")
  async watchUpload({ uploadId }: { uploadId: string }, _metadata: unknown, call: AnswerCall) {
    await watchUpload(this.ports, parseUploadId(uploadId), call);
    return EMPTY;
  }

  @GrpcMethod("ObjectService", "CancelUpload")
  async cancelUpload({ account, uploadId }: { account: string; uploadId: string }) {
    await cancelUpload(this.ports, parseAccount(account), parseUploadId(uploadId));
    return {};
  }

  private async uploadAnswer(upload: Parameters<typeof reportStatus>[1]) {
    return { upload: uploadMessage(await reportStatus(this.ports, upload)) };
  }
}
