// Hashes what the pipeline hashes of so many segments, and does nothing else: a segment as a whole, and twelve fragments.
import { createHash } from "node:crypto";
import { parentPort, workerData } from "node:worker_threads";

const { segmentBytes, fragments } = workerData;
const bytes = new Uint8Array((segmentBytes / 4) * fragments).fill(0x5a);
const sha256 = (view) => createHash("sha256").update(view).digest();

parentPort.on("message", (segments) => {
  for (let i = 0; i < segments; i += 1) {
    sha256(bytes.subarray(0, segmentBytes));
    for (let row = 0; row < fragments; row += 1) {
      sha256(bytes.subarray((row * segmentBytes) / 4, ((row + 1) * segmentBytes) / 4));
    }
  }
  parentPort.postMessage("done");
});
