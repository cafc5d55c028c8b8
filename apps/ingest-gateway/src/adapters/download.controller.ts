import type { ObjectKeyModel } from "@granary/database";
import { CodedError, EMPTY_FID, type Fid, isDigest, parseFid, parseFragmentHash } from "@granary/primitives";
import { Controller, Get, Req, Res } from "@nestjs/common";
import type { FastifyReply, FastifyRequest } from "fastify";
import { nameOfFile } from "../flow/show-file.js";
import { pathOf, queryOf } from "../http/answer.js";
import { contentDisposition, contentTypeOf, isMedia, OCTETS } from "../http/content-type.js";
import {
  downloadHeadersOf,
  emptyAnswer,
  objectPathOf,
  type Presentation,
  previewRangeOf,
  sendDownload,
  storedPathOf,
} from "../http/download.js";
import { openEncrypted } from "../http/encrypted-download.js";
import { headerOf } from "../http/headers.js";
import { senderOf } from "../http/sender.js";
import { watchReader } from "../http/watch-reader.js";
import type { Ports } from "../ports.js";
import type { RetrievalClient, UpstreamAnswer } from "./retrieval-client.js";
import { portsToken, retrievalToken } from "./tokens.js";

const YEAR_SECONDS = 31_536_000;
const MEDIA_CACHE_SECONDS = 29_030_400;
const OTHER_CACHE_SECONDS = 2_592_000;
const FRAGMENT_CACHE = `public, max-age=${YEAR_SECONDS}, immutable`;

/** Bytes of files, streamed through from the retrieval service. */
@Controller()
export class DownloadController {
  constructor(
    @portsToken.inject() private readonly ports: Ports,
    @retrievalToken.inject() private readonly retrieval: RetrievalClient,
  ) {}

  @Get("file/download/:fid")
  download(@Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    return this.sendFile(request, reply, parseFid(pathOf(request).fid ?? ""), "attachment");
  }

  @Get("download/:fid")
  downloadAlias(@Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    return this.download(request, reply);
  }

  /** The web client glues an address and a FID together. */
  @Get(":fid/download")
  downloadGlued(@Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    return this.sendFile(request, reply, fidOrUnknownRoute(request), "attachment");
  }

  /** The oldest clients say in the header Operation what they want. */
  @Get(":fid")
  operate(@Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    const fid = fidOrUnknownRoute(request);
    const isView = headerOf(request.headers, "operation")?.toLowerCase() === "view";
    return isView ? this.preview(request, reply, fid, undefined) : this.sendFile(request, reply, fid, "attachment");
  }

  @Get("file/open/:fid")
  open(@Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    const [fid = "", ...ending] = (pathOf(request).fid ?? "").split(".");
    return this.preview(request, reply, parseFid(fid), ending.length > 0 ? ending.join(".") : undefined);
  }

  @Get("fragment/download")
  async fragment(@Req() request: FastifyRequest, @Res() reply: FastifyReply) {
    await senderOf(this.ports, request);
    const query = queryOf(request);
    const [fid, hash] = [parseFid(query.fid ?? ""), parseFragmentHash(query.fragment ?? "")];
    const answer = await this.fetch(request, reply, `/fragments/${fid}/${hash}`, undefined);
    const disposition = contentDisposition("attachment", hash);
    await sendDownload(request, reply, answer, { contentType: OCTETS, disposition, cacheControl: FRAGMENT_CACHE });
  }

  private async preview(request: FastifyRequest, reply: FastifyReply, fid: Fid, ending: string | undefined) {
    const named = headerOf(request.headers, "format") ?? ending;
    await this.sendFile(request, reply, fid, "inline", named, previewRangeOf(request));
  }

  private async sendFile(
    request: FastifyRequest,
    reply: FastifyReply,
    fid: Fid,
    kind: "attachment" | "inline",
    ending?: string,
    range = headerOf(request.headers, "range"),
  ): Promise<void> {
    const stored = fid === EMPTY_FID ? null : await this.ports.database.objectKey.findFirst({ where: { fid } });
    const [answer, file] = await Promise.all([
      fid === EMPTY_FID ? emptyAnswer(request, range) : this.openFile(request, reply, fid, stored, range),
      nameOfFile(this.ports, fid).catch(() => ({ name: null, contentType: null })),
    ]);
    const isSecret = stored !== null || Boolean(headerOf(request.headers, "cipher"));
    const presentation = presentationOf(fid, kind, file, { ending, isSecret });
    // A page of a stranger must not act in the name of this gateway's address.
    if (kind === "inline" && /html|svg|xml/.test(presentation.contentType)) {
      reply.header("content-security-policy", "sandbox");
    }
    const { DOWNLOAD_STALL: stallMs, DOWNLOAD_RATE_MIN: bytesPerSecondMin } = this.ports.config;
    watchReader(reply.raw, { stallMs, bytesPerSecondMin }, () => {
      this.ports.metrics.downloadsCut.add({});
      this.ports.log.info("a download is ended, as its client takes too little", { code: "READER_TOO_SLOW", fid });
    });
    await sendDownload(request, reply, answer, presentation);
  }

  private openFile(
    request: FastifyRequest,
    reply: FastifyReply,
    fid: Fid,
    stored: ObjectKeyModel | null,
    range: string | undefined,
  ): Promise<UpstreamAnswer> {
    if (stored === null) return this.fetch(request, reply, objectPathOf(fid), range);
    const { signal, method } = this.asked(request, reply);
    const fetchStored = (part: string | undefined) =>
      this.retrieval.get(storedPathOf(fid), { method, headers: part === undefined ? {} : { range: part }, signal });
    return openEncrypted(this.ports, request, stored, fetchStored, range);
  }

  private fetch(
    request: FastifyRequest,
    reply: FastifyReply,
    path: string,
    range: string | undefined,
  ): Promise<UpstreamAnswer> {
    return this.retrieval.get(path, { ...this.asked(request, reply), headers: downloadHeadersOf(request, range) });
  }

  private asked(request: FastifyRequest, reply: FastifyReply): { method: "GET" | "HEAD"; signal: AbortSignal } {
    const gone = new AbortController();
    reply.raw.once("close", () => gone.abort());
    return { method: request.method === "HEAD" ? "HEAD" : "GET", signal: gone.signal };
  }
}

function presentationOf(
  fid: Fid,
  kind: "attachment" | "inline",
  file: { name: string | null; contentType: string | null },
  { ending, isSecret }: { readonly ending: string | undefined; readonly isSecret: boolean },
): Presentation {
  const byName = contentTypeOf(file.name);
  const contentType = ending === undefined ? (file.contentType ?? byName) : contentTypeOf(ending);
  const name = file.name ?? (ending === undefined ? fid : `${fid}.${ending.replace(/^\./, "")}`);
  const seconds =
    kind === "attachment" ? YEAR_SECONDS : isMedia(contentType) ? MEDIA_CACHE_SECONDS : OTHER_CACHE_SECONDS;
  return {
    contentType,
    disposition: contentDisposition(kind, name),
    cacheControl: isSecret ? "private, no-store" : `public, max-age=${seconds}, immutable`,
  };
}

/** At the root of the address only a FID is a file; any other word is just no route. */
function fidOrUnknownRoute(request: FastifyRequest): Fid {
  const { fid = "" } = pathOf(request);
  if (isDigest(fid)) return fid as Fid;
  throw new CodedError("ROUTE_UNKNOWN", "absent", `there is no ${request.method} ${request.url.split("?")[0]}`);
}
