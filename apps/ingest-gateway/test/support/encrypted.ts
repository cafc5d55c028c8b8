import { readFile } from "node:fs/promises";
import type { Fid } from "@granary/primitives";
import type { Network } from "./network.js";

/** What is staged of an upload is what retrieval serves of it from now on. @returns those bytes */
export async function moveToMiners(network: Network, uploadId: string, fid: string): Promise<Buffer> {
  const files = (await network.stagedFiles()).filter((file) => file.includes(uploadId)).sort();
  const stored = Buffer.concat(await Promise.all(files.map((file) => readFile(file))));
  network.objects.set(fid, stored);
  return stored;
}

/** Uploads with these headers, and moves what was staged to the miners. */
export async function storeObject(
  network: Network,
  plain: Uint8Array,
  headers: Record<string, string>,
  name = "secret.bin",
) {
  const answer = await fetch(`${network.url()}/object/${name}`, {
    method: "PUT",
    headers: network.signed(headers),
    body: new Uint8Array(plain),
  });
  const { data } = (await answer.json()) as { data: { fid: Fid } };
  const uploadId = answer.headers.get("x-granary-upload") as string;
  return { fid: data.fid, uploadId, stored: await moveToMiners(network, uploadId, data.fid) };
}
