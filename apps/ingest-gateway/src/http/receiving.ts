import { asCodedError, CodedError } from "@granary/primitives";
import type { FastifyRequest } from "fastify";
import { checkDigest } from "../body/check-digest.js";
import { requestBody } from "../body/request-body.js";
import { uploadOutcomeOf } from "../metrics.js";
import type { Ports } from "../ports.js";
import { signedBodyOf } from "./sender.js";

/** Bodies that are being received now. */
export interface Receiving {
  all: number;
  ciphers: number;
}

/** Runs an upload's work with the request's body, counted and bounded. @throws CodedError UPLOADS_TOO_MANY (exhausted) */
export function withBody<T>(
  ports: Ports & { readonly receiving: Receiving },
  request: FastifyRequest,
  isCipher: boolean,
  work: (body: AsyncGenerator<Uint8Array>) => Promise<T>,
): Promise<T> {
  const pace = { stallMs: ports.config.BODY_STALL, bytesPerSecondMin: ports.config.BODY_RATE_MIN };
  return withPlace(ports, isCipher, (observe) => {
    const body = requestBody(request.raw, pace, observe);
    const sha256 = signedBodyOf(request);
    return work(sha256 === null ? body : checkDigest(body, sha256));
  });
}

/** Runs work that receives a body, from wherever it comes, and counts its bytes. @throws UPLOADS_TOO_MANY (exhausted) */
export async function withPlace<T>(
  ports: Pick<Ports, "config" | "metrics"> & { readonly receiving: Receiving },
  isCipher: boolean,
  work: (observe: (bytes: number) => void) => Promise<T>,
): Promise<T> {
  const { receiving, config, metrics } = ports;
  if (receiving.all >= config.UPLOADS_MAX || (isCipher && receiving.ciphers >= config.CIPHER_UPLOADS_MAX)) {
    throw new CodedError("UPLOADS_TOO_MANY", "exhausted", "too many uploads are being received now", {
      retryAfterSeconds: 5,
    });
  }
  const count = (by: 1 | -1) => {
    receiving.all += by;
    if (isCipher) receiving.ciphers += by;
    metrics.uploads.inFlight.add({}, by);
  };
  count(1);
  try {
    return await work((bytes) => metrics.uploads.bytes.add({}, bytes));
  } finally {
    count(-1);
  }
}

/** Counts the refusal of an upload by its code. */
export async function countRefusals<T>(ports: Pick<Ports, "metrics">, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    ports.metrics.uploads.ended.add({ outcome: uploadOutcomeOf(asCodedError(error).code) });
    throw error;
  }
}
