import { asCodedError, type Category } from "@granary/primitives";
import { Metadata, status } from "@grpc/grpc-js";
import { Catch, type RpcExceptionFilter } from "@nestjs/common";
import { type Observable, throwError } from "rxjs";
import { portsToken } from "../adapters/tokens.js";
import type { Ports } from "../ports.js";

/** Status of a category where its code has none of its own. */
const statusOfCategory: Record<Category, status> = {
  invalid: status.INVALID_ARGUMENT,
  denied: status.PERMISSION_DENIED,
  absent: status.NOT_FOUND,
  conflict: status.FAILED_PRECONDITION,
  exhausted: status.RESOURCE_EXHAUSTED,
  unavailable: status.UNAVAILABLE,
  timeout: status.DEADLINE_EXCEEDED,
  corrupt: status.DATA_LOSS,
  bug: status.INTERNAL,
};

const statusOfCode: Readonly<Record<string, status>> = {
  RANGE_NOT_SATISFIABLE: status.OUT_OF_RANGE,
  CALLER_UNKNOWN: status.UNAUTHENTICATED,
};

export interface GrpcStatus {
  readonly code: status;
  readonly details: string;
  readonly metadata: Metadata;
}

/** An error as a gRPC client sees it: status and text, and the coded error in the trailing metadata. */
export function grpcStatusOf(thrown: unknown): GrpcStatus {
  const error = asCodedError(thrown);
  const isBug = error.category === "bug";
  const metadata = new Metadata();
  metadata.set("granary-code", error.code);
  metadata.set("granary-category", error.category);
  if (!isBug) metadata.set("granary-details-bin", Buffer.from(JSON.stringify(error.details)));
  return {
    code: statusOfCode[error.code] ?? statusOfCategory[error.category],
    details: isBug ? "an internal error; the gateway has recorded it" : error.message,
    metadata,
  };
}

/** Every error of every gRPC method, as status. */
@Catch()
export class GrpcErrorFilter implements RpcExceptionFilter {
  constructor(@portsToken.inject() private readonly ports: Pick<Ports, "log">) {}

  catch(thrown: unknown): Observable<never> {
    this.ports.log.thrown("a gRPC call ended with an error", asCodedError(thrown));
    return throwError(() => grpcStatusOf(thrown));
  }
}
