import type { Readable } from "node:stream";
import { CodedError } from "@granary/primitives";
import busboy from "busboy";

/** One file of a multipart form. Its body must be read, or dropped, before the next file comes. */
export interface FormFile {
  readonly name: string | undefined;
  readonly contentType: string | undefined;
  readonly body: AsyncIterable<Uint8Array>;
}

const FIELD = "file";

/**
 * The files named `file` of a multipart form, one after another, streamed.
 * @throws CodedError FORM_INVALID, CONTENT_TYPE_UNSUPPORTED (invalid), and what reading the body throws
 */
export async function* formFiles(
  body: AsyncIterable<Uint8Array>,
  contentType: string | undefined,
): AsyncGenerator<FormFile> {
  const parser = openParser(contentType);
  const waiting: { info: busboy.FileInfo; stream: Readable }[] = [];
  let failure: unknown;
  let isDone = false;
  let wake = () => {};
  const fail = (error: unknown) => {
    failure ??= error instanceof CodedError ? error : formInvalid(error);
    for (const file of waiting) file.stream.destroy(failure as Error);
    wake();
  };
  parser.on("file", (field, stream, info) => {
    if (field !== FIELD) return void stream.resume();
    // Its consumer sees the error; without a listener Node would end the process.
    stream.on("error", () => {});
    waiting.push({ info, stream });
    wake();
  });
  parser.on("error", fail);
  parser.on("close", () => {
    isDone = true;
    wake();
  });

  let current: Readable | undefined;
  void pumpInto(parser, body).catch((error: unknown) => {
    fail(error);
    current?.destroy(failure as Error);
  });
  try {
    for (;;) {
      const next = waiting.shift();
      if (next !== undefined) {
        current = next.stream;
        const { filename, mimeType } = next.info;
        yield { name: filename, contentType: mimeType, body: readFile(next.stream, () => failure) };
        next.stream.resume();
        continue;
      }
      if (failure !== undefined) throw failure;
      if (isDone) return;
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  } finally {
    // Left early: nobody reads on, so the pump must not wait for room.
    parser.destroy();
  }
}

/**
 * Works on the first file and drops what follows it: the connection can be used again only when the body is read.
 * @throws CodedError FORM_FILE_MISSING (invalid), and what `work` throws
 */
export async function withFirstFile<T>(
  files: AsyncGenerator<FormFile>,
  work: (file: FormFile) => Promise<T>,
): Promise<T> {
  try {
    const first = await files.next();
    if (first.done) throw formFileMissing();
    const result = await work(first.value);
    // The file is whole and kept; how the rest of the form ends does not matter to it.
    const rest = async () => {
      while (!(await files.next()).done);
    };
    await rest().catch(() => {});
    return result;
  } finally {
    await files.return(undefined);
  }
}

export const formFileMissing = () =>
  new CodedError("FORM_FILE_MISSING", "invalid", `the form has no file in a field named "${FIELD}"`);

function openParser(contentType: string | undefined): busboy.Busboy {
  if (contentType === undefined || !/^multipart\/form-data\b/i.test(contentType)) {
    throw new CodedError("CONTENT_TYPE_UNSUPPORTED", "invalid", "the body must be multipart/form-data");
  }
  try {
    return busboy({
      headers: { "content-type": contentType },
      defParamCharset: "utf8",
      limits: { fieldSize: 64 * 1024, fields: 100, parts: 1_000 },
    });
  } catch (error) {
    throw formInvalid(error);
  }
}

async function pumpInto(parser: busboy.Busboy, body: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const chunk of body) {
    if (parser.destroyed) return;
    if (!parser.write(chunk)) await drained(parser);
  }
  if (!parser.destroyed) parser.end();
}

function drained(parser: busboy.Busboy): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      for (const event of ["drain", "close", "error"]) parser.off(event, done);
      resolve();
    };
    for (const event of ["drain", "close", "error"]) parser.on(event, done);
  });
}

async function* readFile(stream: Readable, failure: () => unknown): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of stream.iterator({ destroyOnReturn: false })) yield chunk as Uint8Array;
  } catch (error) {
    throw failure() ?? formInvalid(error);
  }
}

const formInvalid = (cause: unknown) =>
  new CodedError("FORM_INVALID", "invalid", `the form cannot be read: ${(cause as Error).message}`, {}, { cause });
