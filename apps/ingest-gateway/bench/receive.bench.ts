import { type ChildProcess, fork } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { request } from "node:http";
import { tmpdir } from "node:os";
import path from "node:path";
import { pipeline } from "node:stream/promises";
import { fileURLToPath } from "node:url";
import { defineBench } from "@granary/bench";
import { GiB, KiB, MiB } from "@granary/primitives";

const sizes = { "64MiB": 64 * MiB, "1GiB": GiB } as const;
const PIECE = Buffer.alloc(256 * KiB, 0x5a);
const program = fileURLToPath(new URL("./receive-server.ts", import.meta.url));
const hooks = new URL("../../../scripts/lib/typescript.mjs", import.meta.url).href;

interface Received {
  readonly sizeBytes: number;
  readonly sha256: string;
  /** What buffers held at most, beyond what they held before. */
  readonly buffersKiB: number;
  readonly peakMiB: number;
}

function* pieces(sizeBytes: number): Generator<Buffer> {
  for (let at = 0; at < sizeBytes; at += PIECE.length) yield PIECE;
}

async function send(port: number, sizeBytes: number): Promise<Received & { readonly ms: number }> {
  const startedAt = performance.now();
  const sending = request({ port, method: "PUT", headers: { "Content-Length": sizeBytes } });
  const answered = once(sending, "response");
  await pipeline(pieces(sizeBytes), sending);
  const [answer] = await answered;
  let text = "";
  for await (const chunk of answer) text += chunk;
  return { ...JSON.parse(text), ms: performance.now() - startedAt };
}

async function receiveOnce(sizeBytes: number) {
  const folder = await mkdtemp(path.join(tmpdir(), "granary-bench-"));
  let child: ChildProcess | undefined;
  try {
    child = fork(program, [folder], { execArgv: ["--import", hooks] });
    const [port] = (await once(child, "message")) as [number];
    const received = await send(port, sizeBytes);
    const hash = createHash("sha256");
    for (const piece of pieces(sizeBytes)) hash.update(piece);
    if (received.sha256 !== hash.digest("hex")) throw new Error("other bytes were stored than were sent");
    return received;
  } finally {
    child?.disconnect();
    await rm(folder, { recursive: true, force: true });
  }
}

export default defineBench({
  names: [
    "receive.speed.1GiB",
    "memory.receive.buffers.64MiB",
    "memory.receive.buffers.1GiB",
    "memory.receive.64MiB",
    "memory.receive.1GiB",
    "memory.receive.1GiB-vs-64MiB",
  ],
  about:
    "a body from a socket to a synced file, hashed on the way, once at each size, in a process of its own: the most that its buffers held, and largest resident memory",
  async run({ record }) {
    const [small, large] = [await receiveOnce(sizes["64MiB"]), await receiveOnce(sizes["1GiB"])];
    record("receive.speed.1GiB", "MiB/s", [sizes["1GiB"] / MiB / (large.ms / 1000)]);
    record("memory.receive.buffers.64MiB", "KiB", [small.buffersKiB]);
    record("memory.receive.buffers.1GiB", "KiB", [large.buffersKiB]);
    record("memory.receive.64MiB", "MiB", [small.peakMiB]);
    record("memory.receive.1GiB", "MiB", [large.peakMiB], large.peakMiB / small.peakMiB);
    record("memory.receive.1GiB-vs-64MiB", "ratio", [large.peakMiB / small.peakMiB], large.peakMiB / small.peakMiB);
  },
});
