import type { IncomingMessage, ServerResponse } from "node:http";
import { isSignedBy, parseAccount } from "@granary/chain-client";
import { type Fid, type FragmentHash, isDigest } from "@granary/primitives";
import type { Log } from "@granary/telemetry";
import type { Behaviour } from "../behaviour.js";
import { acceptFragment } from "../flow/accept-fragment.js";
import { type Served, serveFragment } from "../flow/serve-fragment.js";
import type { FragmentStore, MinerChain } from "../ports.js";
import { type Reply, replies } from "../reply.js";
import { FormUnreadable, fileOfForm, isPlausibleLength } from "./form-file.js";
import { sendBytes, throttle } from "./misbehave.js";

export interface FragmentRoutes {
  readonly store: FragmentStore;
  readonly chain: Pick<MinerChain, "deal">;
  behaviour(): Behaviour;
  onPut(fid: Fid, reply: Reply): void;
  onGet(reply: Reply | null): void;
  readonly log: Log;
}

export async function putFragment(
  routes: FragmentRoutes,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const ids = await readIds(request);
  const reply = "code" in ids ? ids : await accept(routes, request, ids);
  if ("fid" in ids) routes.onPut(ids.fid, reply);
  sendReply(request, response, reply);
}

async function accept(routes: FragmentRoutes, request: IncomingMessage, ids: Ids): Promise<Reply> {
  const behaviour = routes.behaviour();
  if (behaviour.kind === "refuse") return { code: behaviour.code, msg: behaviour.msg, data: null };
  if (!isPlausibleLength(request)) return replies.sizeWrong;
  const bytes = () => throttle(behaviour, fileOfForm(request));
  try {
    return await acceptFragment(routes, { ...ids, bytes });
  } catch (error) {
    if (error instanceof FormUnreadable) return replies.sizeWrong;
    if (!request.destroyed) routes.log.thrown("a fragment was not stored", error, { fid: ids.fid });
    return replies.systemError;
  }
}

export async function getFragment(
  routes: FragmentRoutes,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const ids = await readIds(request);
  const served = "code" in ids ? ids : await serveFragment(routes.store, ids.fid, ids.fragment, request.headers.range);
  if ("code" in served) {
    routes.onGet(served);
    return sendReply(request, response, served);
  }
  routes.onGet(null);
  return sendServed(routes.behaviour(), response, served);
}

function sendServed(behaviour: Behaviour, response: ServerResponse, served: Served): Promise<void> {
  const { fragment, start, end, isPartial } = served;
  response.statusCode = isPartial ? 206 : 200;
  response.setHeader("content-type", "application/octet-stream");
  return sendBytes(behaviour, response, fragment.read(start, end), end - start);
}

interface Ids {
  readonly fid: Fid;
  readonly fragment: FragmentHash;
}

/** Who asks is not looked at, as in the protocol; that somebody can sign is. */
async function readIds(request: IncomingMessage): Promise<Ids | Reply> {
  if (!(await isSigned(request))) return replies.signatureInvalid;
  const fid = headerOf(request, "fid");
  const fragment = headerOf(request, "fragment");
  if (fid === "" || fragment === "") return replies.idsMissing;
  if (!isDigest(fid) || !isDigest(fragment)) return replies.idsInvalid;
  return { fid: fid as Fid, fragment: fragment as FragmentHash };
}

async function isSigned(request: IncomingMessage): Promise<boolean> {
  const [account, message, signature] = ["account", "message", "signature"].map((name) => headerOf(request, name));
  if (!account || !message || !signature) return false;
  try {
    return await isSignedBy(parseAccount(account), message, signature);
  } catch {
    return false;
  }
}

function headerOf(request: IncomingMessage, name: string): string {
  const value = request.headers[name];
  return typeof value === "string" ? value : "";
}

/** A body that was not asked for is read to its end where that is short, or the sender would miss the answer. */
export function sendReply(request: IncomingMessage, response: ServerResponse, reply: Reply): void {
  if (response.destroyed) return;
  const body = JSON.stringify(reply);
  response.statusCode = reply === replies.signatureInvalid ? 403 : 200;
  response.setHeader("content-type", "application/json; charset=utf-8");
  response.setHeader("content-length", Buffer.byteLength(body));
  if (!request.complete) response.setHeader("connection", "close");
  if (isPlausibleLength(request) && request.headers["transfer-encoding"] === undefined) request.resume();
  else response.once("finish", () => request.destroy());
  response.end(body);
}
