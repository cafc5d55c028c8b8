import type { IncomingMessage } from "node:http";
import type { Readable } from "node:stream";
import { FRAGMENT_BYTES, KiB } from "@granary/primitives";
import busboy from "busboy";

/** What a form adds to its file: boundaries and part headers. */
const FORM_BYTES_MAX = 64 * KiB;

/** The form cannot be read, or has no file: the sender's fault. */
export class FormUnreadable extends Error {}

/** False where the sender itself announces more than any fragment needs. */
export const isPlausibleLength = (request: IncomingMessage): boolean =>
  Number(request.headers["content-length"] ?? 0) <= FRAGMENT_BYTES + FORM_BYTES_MAX;

/**
 * Bytes of the form's field `file`, as they arrive; one byte more than a fragment at most. Ends with an error when the
 * sender breaks off.
 */
export async function* fileOfForm(request: IncomingMessage): AsyncGenerator<Uint8Array> {
  const form = openForm(request);
  const found = new Promise<Readable>((resolve, reject) => {
    form.on("file", (name, stream) => {
      if (name === "file") resolve(stream);
      else stream.resume();
    });
    form.once("error", () => reject(new FormUnreadable()));
    form.once("close", () => reject(new FormUnreadable()));
    request.once("close", () => {
      if (!request.complete) form.destroy(new Error("the sender broke off"));
    });
  });
  request.pipe(form);
  const file = await found;
  form.once("error", (error) => file.destroy(error as Error));
  try {
    for await (const chunk of file) yield chunk as Uint8Array;
  } finally {
    request.unpipe(form);
  }
}

function openForm(request: IncomingMessage): busboy.Busboy {
  try {
    return busboy({ headers: request.headers, limits: { files: 1, fields: 0, fileSize: FRAGMENT_BYTES + 1 } });
  } catch {
    throw new FormUnreadable();
  }
}
