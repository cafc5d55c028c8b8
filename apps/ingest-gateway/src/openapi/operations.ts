import { z } from "zod";
import { stages } from "../flow/await-stage.js";
import * as answers from "./answers.js";
import { operationsByHand } from "./operations-by-hand.js";

/** What cannot be read off a route: what it is for, what it reads, what it answers. */
export interface Operation {
  readonly tag: "upload" | "download" | "catalogue" | "network" | "operator" | "service";
  readonly summary: string;
  /** Names from `parameters`, beside those of the path. */
  readonly reads?: readonly ParameterName[];
  readonly body?: "bytes" | "form";
  /** `data` of the envelope by status. */
  readonly data?: Readonly<Record<number, z.ZodType>>;
  /** Answers without an envelope: media type by status. */
  readonly media?: Readonly<Record<number, string>>;
}

interface Parameter {
  readonly in: "header" | "query";
  readonly description: string;
  readonly required?: boolean;
  readonly schema: z.ZodType;
}

const text = z.string();
const count = z.int().positive();

export const parameters = {
  Account: { in: "header", description: "SS58 address of who asks", schema: text },
  EthAcc: { in: "header", description: "Ethereum address of who asks, instead of Account", schema: text },
  Message: { in: "header", description: "what was signed", required: true, schema: text },
  Signature: { in: "header", description: "of Message, by Account or EthAcc", required: true, schema: text },
  Territory: { in: "header", description: "territory to store in", required: true, schema: text },
  FileName: { in: "header", description: "the object's name, percent-encoded", schema: text },
  Cipher: { in: "header", description: "password of the CESS cipher mode", schema: text },
  Encryption: { in: "header", description: "none or aes-256-gcm", schema: text },
  EncryptionKey: { in: "header", description: "the customer's own key, base64 of 32 bytes", schema: text },
  Miner: { in: "header", description: "miners to prefer, separated by commas", schema: text },
  Longitude: { in: "header", description: "corners of an area, with Latitude", schema: text },
  Latitude: { in: "header", description: "corners of an area, with Longitude", schema: text },
  Authorization: { in: "header", description: "Bearer and an operator's token", required: true, schema: text },
  Prefer: { in: "header", description: "respond-async: answer as soon as the bytes are safe", schema: text },
  ContentRange: { in: "header", description: "bytes FIRST-LAST/TOTAL", required: true, schema: text },
  BlockNumber: { in: "header", description: "how many blocks", schema: count },
  BlockIndex: { in: "header", description: "which block, from 0", schema: z.int().nonnegative() },
  TotalSize: { in: "header", description: "bytes of the whole object", schema: z.int().nonnegative() },
  Range: { in: "header", description: "bytes=FIRST-LAST", schema: text },
  IfNoneMatch: { in: "header", description: "an ETag", schema: text },
  IfRange: { in: "header", description: "an ETag", schema: text },
  Format: { in: "header", description: "ending that tells the type, e.g. mp4", schema: text },
  Operation: { in: "header", description: "view, or else download", schema: text },
  wait: { in: "query", description: "the stage to wait for", schema: z.enum(stages) },
  total: { in: "query", description: "bytes of the whole object", required: true, schema: z.int().nonnegative() },
  territory: { in: "query", description: "only this territory", schema: text },
  account: { in: "query", description: "SS58 address; the header Account does too", schema: text },
  state: { in: "query", description: "only uploads in this state", schema: text },
  before: { in: "query", description: "createdAt of the last upload of the page before", schema: z.iso.datetime() },
  beforeId: { in: "query", description: "id at which an earlier listing ended", schema: text },
  after: { in: "query", description: "id at which an earlier listing ended", schema: z.uuid() },
  still: { in: "query", description: "since when they have not moved, e.g. 10m", schema: text },
  subject: { in: "query", description: "only about this upload, file, or miner", schema: text },
  actor: { in: "query", description: "only by this account:…, operator:…, or service:…", schema: text },
  reason: { in: "query", description: "why, for the audit record", required: true, schema: text },
  placement: { in: "query", description: "wishes as JSON (docs/contracts.md, placement)", schema: text },
  cursor: { in: "query", description: "X-Granary-Next of the page before", schema: text },
  limit: { in: "query", description: "entries of a page", schema: count.max(1000) },
  paged: { in: "query", description: "true: an object with `files` and `next`", schema: text },
  from: { in: "query", description: "first segment", schema: z.int().nonnegative() },
  count: { in: "query", description: "how many segments", schema: count.max(64) },
  fid: { in: "query", description: "FID of the file", required: true, schema: text },
  fragment: { in: "query", description: "hash of the fragment", required: true, schema: text },
} as const satisfies Record<string, Parameter>;
export type ParameterName = keyof typeof parameters;

const signed = ["Account", "EthAcc", "Message", "Signature"] as const;
const uploads = [
  ...signed,
  "Territory",
  "Cipher",
  "Miner",
  "Longitude",
  "Latitude",
  "Prefer",
  "wait",
  "placement",
] as const;
const byHand = ["Authorization", "reason"] as const;
const ranged = ["Cipher", "EncryptionKey", "Range", "IfNoneMatch", "IfRange"] as const;
const blocks = ["BlockNumber", "BlockIndex", "TotalSize"] as const;
const storedData = { 200: answers.stored, 202: answers.accepted };
const bytesMedia = { 200: "application/octet-stream", 206: "application/octet-stream" };

const download = (summary: string, reads: readonly ParameterName[] = ranged): Operation => ({
  tag: "download",
  summary,
  reads,
  media: bytesMedia,
});

/** Every route, by method and path as the code has them. A route that is missing here, or only here, fails the tests. */
export const operations: Readonly<Record<string, Operation>> = {
  "PUT /file": {
    tag: "upload",
    summary: "Stores the first file of a form",
    reads: [...uploads, "FileName"],
    body: "form",
    data: storedData,
  },
  "PUT /files": {
    tag: "upload",
    summary: "Stores each file of a form as an upload of its own",
    reads: uploads,
    body: "form",
    data: { 200: answers.batch, 207: answers.batch },
  },
  "PUT /object/:name": {
    tag: "upload",
    summary: "Stores the body",
    reads: uploads,
    body: "bytes",
    data: storedData,
  },
  "PUT /resume/:name": {
    tag: "upload",
    summary: "Takes one range of an object; ranges come in any order, several at a time, and again",
    reads: [...uploads, "ContentRange"],
    body: "bytes",
    data: { ...storedData, 308: z.null() },
  },
  "GET /resume/:name": {
    tag: "upload",
    summary: "Which ranges have come",
    reads: [...signed, "Territory", "total"],
    data: { 200: answers.missing },
  },
  "PUT /chunks": {
    tag: "upload",
    summary: "Takes one numbered block of an object",
    reads: [...uploads, "FileName", ...blocks],
    body: "form",
    data: { 200: z.union([answers.stored, z.int()]), 202: answers.accepted },
  },
  "PUT /": {
    tag: "upload",
    summary: "As PUT /chunks with the header BlockNumber, as PUT /file without it",
    reads: [...uploads, "FileName", ...blocks],
    body: "form",
    data: { 200: z.union([answers.stored, z.int()]), 202: answers.accepted },
  },
  "GET /uploads": {
    tag: "upload",
    summary: "Uploads of an account, newest first",
    reads: ["account", "Account", "state", "before", "limit"],
    data: { 200: z.array(answers.uploadStatus) },
  },
  "GET /uploads/:id": {
    tag: "upload",
    summary: "How far an upload is; with wait, when it has got there",
    reads: ["wait"],
    data: { 200: answers.uploadStatus },
  },
  "GET /uploads/:id/missing": {
    tag: "upload",
    summary: "What has not come yet of a chunked upload",
    data: { 200: answers.missing },
  },
  "DELETE /uploads/:id": {
    tag: "upload",
    summary: "Ends an upload that is still receiving",
    reads: signed,
    data: { 200: z.null() },
  },
  "GET /file/download/:fid": download("The object's bytes"),
  "GET /download/:fid": download("As /file/download/:fid"),
  "GET /:fid/download": download("As /file/download/:fid"),
  "GET /:fid": download("As /file/download/:fid, or as /file/open/:fid with Operation: view", [...ranged, "Operation"]),
  "GET /file/open/:fid": download("The object's bytes, to be shown; :fid may have an ending", [...ranged, "Format"]),
  "GET /fragment/download": {
    tag: "download",
    summary: "One fragment's bytes",
    reads: [...signed, "fid", "fragment"],
    media: { 200: "application/octet-stream" },
  },
  "GET /file/metadata/:fid": {
    tag: "catalogue",
    summary: "What is known of a file",
    data: { 200: answers.fileMetadata },
  },
  "GET /file/location/:fid": {
    tag: "catalogue",
    summary: "Which miners hold a file",
    data: { 200: answers.fileLocation },
  },
  "GET /file/map/:fid": {
    tag: "catalogue",
    summary: "Columns, miners, segments and fragments of a file",
    reads: ["from", "count"],
    data: { 200: answers.fileMap },
  },
  "GET /file/list": {
    tag: "catalogue",
    summary: "Files of an account",
    reads: ["account", "Account", "territory", "cursor", "limit", "paged"],
    data: { 200: answers.fileList },
  },
  "DELETE /file/:fid": {
    tag: "catalogue",
    summary: "Takes a file from its owner, on chain",
    reads: signed,
    data: { 200: answers.deleted },
  },
  "GET /gateway": {
    tag: "network",
    summary: "The account that signs for this gateway: authorize it",
    data: { 200: answers.gateway },
  },
  "GET /miners": {
    tag: "network",
    summary: "Miners, as this gateway has come to know them",
    reads: ["cursor", "limit"],
    data: { 200: answers.miners },
  },
  "GET /miners/:account": {
    tag: "network",
    summary: "Why a miner gets columns, or does not",
    data: { 200: answers.miner },
  },
  "PUT /operator/miners/:account/quarantine": {
    tag: "operator",
    summary: "Gives a miner nothing until it is released",
    reads: byHand,
    data: { 200: answers.standing },
  },
  "DELETE /operator/miners/:account/quarantine": {
    tag: "operator",
    summary: "Releases a miner",
    reads: byHand,
    data: { 200: answers.standing },
  },
  "PUT /operator/uploads/:id/resume": {
    tag: "operator",
    summary: "Takes up a deal that has failed",
    reads: byHand,
    data: { 200: answers.resumed },
  },
  "GET /operator/actions": {
    tag: "operator",
    summary: "What operators did by hand, newest first",
    reads: ["Authorization", "beforeId", "limit"],
    data: { 200: answers.actions },
  },
  ...operationsByHand,
  "GET /territories/:account": {
    tag: "network",
    summary: "Territories of an account",
    data: { 200: answers.territories },
  },
  "GET /territories": {
    tag: "network",
    summary: "Territories of the account in the query or the header",
    reads: ["account", "Account"],
    data: { 200: answers.territories },
  },
  "GET /version": { tag: "service", summary: "Name and version", media: { 200: "application/json" } },
  "GET /favicon.ico": { tag: "service", summary: "Nothing: there is no icon", media: { 204: "" } },
  "GET /openapi.json": { tag: "service", summary: "This document", media: { 200: "application/json" } },
  "GET /docs": { tag: "service", summary: "This document as a page", media: { 200: "text/html" } },
  "GET /docs/:file": { tag: "service", summary: "Parts of the page", media: { 200: "text/javascript" } },
  "GET /live": { tag: "service", summary: "Whether the process works", media: { 200: "application/json" } },
  "GET /ready": { tag: "service", summary: "Whether it can serve", media: { 200: "application/json" } },
  "GET /startup": { tag: "service", summary: "Whether it has started", media: { 200: "application/json" } },
  "GET /metrics": { tag: "service", summary: "Metrics for Prometheus", media: { 200: "text/plain" } },
};
