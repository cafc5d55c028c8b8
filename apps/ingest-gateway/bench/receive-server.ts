// A process of its own for each size: the largest resident memory of a process never goes down again. Receives bodies as
// the gateway does, from the socket to a synced file, without Postgres and without a chain.
import { randomUUID } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createFilesystemBlobStore } from "@granary/blob-store";
import { KiB, MiB, type UploadId } from "@granary/primitives";
import { countBytes } from "../src/body/count.js";
import { requestBody } from "../src/body/request-body.js";

const [folder] = process.argv.slice(2) as [string];
const blobs = await createFilesystemBlobStore({ root: folder, reserveBytes: 0 });
const pace = { stallMs: 60_000, bytesPerSecondMin: 0 };
let buffersPeak = 0;
/** Called for every piece that comes, so nothing that is held longer than a piece is overlooked. */
const look = () => {
  buffersPeak = Math.max(buffersPeak, process.memoryUsage().arrayBuffers);
};

const server = createServer(async (request, response) => {
  const uploadId = randomUUID() as UploadId;
  const before = process.memoryUsage().arrayBuffers;
  buffersPeak = before;
  const body = countBytes(requestBody(request, pace, look), Number.MAX_SAFE_INTEGER);
  const written = await blobs.writePart({ uploadId, index: 0, body, maxBytes: Number.MAX_SAFE_INTEGER });
  await blobs.remove(uploadId);
  response.end(
    JSON.stringify({
      sizeBytes: written.sizeBytes,
      sha256: written.sha256,
      buffersKiB: (buffersPeak - before) / KiB,
      peakMiB: (process.resourceUsage().maxRSS * KiB) / MiB,
    }),
  );
});
server.listen(0, "127.0.0.1", () => process.send?.((server.address() as AddressInfo).port));
process.on("disconnect", () => process.exit());
