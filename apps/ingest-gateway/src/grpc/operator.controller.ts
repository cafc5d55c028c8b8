import { parseAccount } from "@granary/chain-client/accounts";
import { parseUploadId } from "@granary/primitives";
import type { DeadLetterDesk } from "@granary/service-runtime";
import type { Metadata } from "@grpc/grpc-js";
import { Controller, UseFilters } from "@nestjs/common";
import { GrpcMethod } from "@nestjs/microservices";
import { deadLetterDeskOf, letterId, recordId } from "../adapters/dead-letter-desks.js";
import { lettersToken, portsToken } from "../adapters/tokens.js";
import { listStuck } from "../flow/list-stuck.js";
import { retryUpload } from "../flow/retry-upload.js";
import { showQueues } from "../flow/show-queues.js";
import { type Deed, deedBy, operatorOf } from "../identity/operator.js";
import type { Ports } from "../ports.js";
import { auditMessage, letterMessage, pageSizeOf, queuesMessage, sparse } from "./message.js";
import { GrpcErrorFilter } from "./status.js";

interface Reasoned {
  readonly reason: string;
}
interface MinerDeed extends Reasoned {
  readonly account: string;
}
interface UploadDeed extends Reasoned {
  readonly uploadId: string;
}
interface LetterDeed extends Reasoned {
  readonly service: string;
  readonly id: string;
}

const STILL_STANDARD_SECONDS = 600;
const stuckPage = { standard: 20, most: 200 };

/** granary.v1.OperatorService: what operators do over HTTP, for tools that speak gRPC. */
@Controller()
@UseFilters(GrpcErrorFilter)
export class OperatorGrpcController {
  constructor(
    @portsToken.inject() private readonly ports: Ports,
    @lettersToken.inject() private readonly letters: DeadLetterDesk,
  ) {}

  @GrpcMethod("OperatorService", "QuarantineMiner")
  quarantineMiner(order: MinerDeed, metadata: Metadata) {
    const deed = this.#deed(metadata, order);
    return this.ports.request("minerQuarantine", { account: parseAccount(order.account), ...deed });
  }

  @GrpcMethod("OperatorService", "ReleaseMiner")
  releaseMiner(order: MinerDeed, metadata: Metadata) {
    const deed = this.#deed(metadata, order);
    return this.ports.request("minerRelease", { account: parseAccount(order.account), ...deed });
  }

  @GrpcMethod("OperatorService", "ResumeDeal")
  resumeDeal(order: UploadDeed, metadata: Metadata) {
    const deed = this.#deed(metadata, order);
    return this.ports.request("dealResume", { uploadId: parseUploadId(order.uploadId), ...deed });
  }

  @GrpcMethod("OperatorService", "ListActions")
  async listActions({ pageSize, before }: { pageSize: number; before: string }, metadata: Metadata) {
    this.#operator(metadata);
    const from = before === "" ? null : recordId(before);
    const { actions } = await this.ports.request("operatorActionsList", { before: from, count: pageSizeOf(pageSize) });
    return { actions: actions.map(sparse) };
  }

  @GrpcMethod("OperatorService", "GetQueues")
  async getQueues(_: object, metadata: Metadata) {
    this.#operator(metadata);
    return queuesMessage(await showQueues(this.ports));
  }

  @GrpcMethod("OperatorService", "ListStuckUploads")
  async listStuckUploads(query: { stillSeconds: number; pageSize: number }, metadata: Metadata) {
    this.#operator(metadata);
    const stillMs = (query.stillSeconds || STILL_STANDARD_SECONDS) * 1000;
    const stuck = await listStuck(this.ports, { stillMs, count: pageSizeOf(query.pageSize, stuckPage) });
    return { uploads: stuck.map(sparse) };
  }

  @GrpcMethod("OperatorService", "RetryUpload")
  retryUpload(order: UploadDeed, metadata: Metadata) {
    const deed = this.#deed(metadata, order);
    return retryUpload(this.ports, parseUploadId(order.uploadId), deed);
  }

  @GrpcMethod("OperatorService", "PausePlacement")
  async pausePlacement(order: Reasoned, metadata: Metadata) {
    return sparse(await this.ports.request("placementPause", { isPaused: true, ...this.#deed(metadata, order) }));
  }

  @GrpcMethod("OperatorService", "ResumePlacement")
  async resumePlacement(order: Reasoned, metadata: Metadata) {
    await this.ports.request("placementPause", { isPaused: false, ...this.#deed(metadata, order) });
    return {};
  }

  @GrpcMethod("OperatorService", "ListDeadLetters")
  async listDeadLetters(query: { service: string; pageSize: number; after: string }, metadata: Metadata) {
    this.#operator(metadata);
    const after = query.after === "" ? null : letterId(query.after);
    const { letters } = await this.#desk(query.service).list({ after, count: pageSizeOf(query.pageSize) });
    return { letters: letters.map(letterMessage) };
  }

  @GrpcMethod("OperatorService", "ReplayDeadLetter")
  replayDeadLetter(order: LetterDeed, metadata: Metadata) {
    return this.#settle("replay", order, this.#deed(metadata, order));
  }

  @GrpcMethod("OperatorService", "DiscardDeadLetter")
  discardDeadLetter(order: LetterDeed, metadata: Metadata) {
    return this.#settle("discard", order, this.#deed(metadata, order));
  }

  @GrpcMethod("OperatorService", "ListAuditRecords")
  async listAuditRecords(
    { pageSize, before, subject, actor }: { pageSize: number; before: string; subject: string; actor: string },
    metadata: Metadata,
  ) {
    this.#operator(metadata);
    const records = await this.ports.audit.list({
      count: pageSizeOf(pageSize),
      before: before === "" ? undefined : recordId(before),
      subject: subject || undefined,
      actor: actor || undefined,
    });
    return { records: records.map(auditMessage) };
  }

  #settle(how: "replay" | "discard", { service, id }: LetterDeed, deed: Deed) {
    return this.#desk(service).settle({ id: letterId(id), how, ...deed });
  }

  #desk(service: string): DeadLetterDesk {
    return deadLetterDeskOf(this.ports, this.letters, service);
  }

  #operator(metadata: Metadata): string {
    return operatorOf(this.ports.config.OPERATOR_TOKENS, tokenIn(metadata));
  }

  #deed(metadata: Metadata, { reason }: Reasoned): Deed {
    return deedBy(this.ports.config.OPERATOR_TOKENS, tokenIn(metadata), reason);
  }
}

/** `authorization` is the caller's, whom the transport lets in; the operator has a key of its own. */
const tokenIn = (metadata: Metadata): string | undefined => metadata.get("granary-operator")[0]?.toString();
