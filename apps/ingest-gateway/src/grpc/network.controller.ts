import { parseAccount } from "@granary/chain-client/accounts";
import { CodedError, parseFid, parseUploadId } from "@granary/primitives";
import { Controller, UseFilters } from "@nestjs/common";
import { GrpcMethod } from "@nestjs/microservices";
import { portsToken } from "../adapters/tokens.js";
import { explainMiner } from "../flow/explain-miner.js";
import type { Ports } from "../ports.js";
import { dealMessage, explainedMinerMessage, minerMessage, pageSizeOf } from "./message.js";
import { GrpcErrorFilter } from "./status.js";

/** granary.v1.DealService and granary.v1.MinerService: what the scheduler answers, for consumers without NATS. */
@Controller()
@UseFilters(GrpcErrorFilter)
export class NetworkGrpcController {
  constructor(@portsToken.inject() private readonly ports: Ports) {}

  @GrpcMethod("DealService", "GetDeal")
  async getDeal({ fid, uploadId }: { fid?: string; uploadId?: string }) {
    const which = fid !== undefined ? { fid: parseFid(fid) } : { uploadId: parseUploadId(uploadId ?? "") };
    const { deal } = await this.ports.request("dealShow", which);
    if (deal === null) throw new CodedError("DEAL_UNKNOWN", "absent", "there is no such deal", which);
    return { deal: dealMessage(deal) };
  }

  @GrpcMethod("MinerService", "ListMiners")
  async listMiners({ pageSize, pageToken }: { pageSize: number; pageToken: string }) {
    const after = pageToken === "" ? null : parseAccount(pageToken);
    const { miners, next } = await this.ports.request("minersList", { after, count: pageSizeOf(pageSize) });
    return { miners: miners.map(minerMessage), nextPageToken: next ?? "" };
  }

  @GrpcMethod("MinerService", "ExplainMiner")
  async explainMiner({ account }: { account: string }) {
    return explainedMinerMessage(await explainMiner(this.ports, parseAccount(account)));
  }
}
