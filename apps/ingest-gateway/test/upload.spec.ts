import { EMPTY_FID } from "@granary/primitives";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { digest, eventually, type Network, startNetwork } from "./support/network.js";

let network: Network;
beforeAll(async () => {
  network = await startNetwork();
});
afterAll(() => network?.stop());

type Answer = { code: number; msg: string; data: { fid: string; uploadId: string; state: string; statusUrl: string } };

function form(name: string, bytes: Uint8Array): FormData {
  const data = new FormData();
  data.append("file", new Blob([bytes]), name);
  return data;
}

const put = (path: string, headers: Record<string, string>, body: NonNullable<RequestInit["body"]>, query = "") =>
  fetch(`${network.url()}${path}${query}`, { method: "PUT", headers, body, redirect: "manual" });

describe("an upload in one body", () => {
  it("as a form answers with the FID of exactly the bytes that were sent", async () => {
    const bytes = Buffer.from("some bytes in a form");
    const answer = await put("/file", network.signed(), form("note.txt", bytes));
    expect(await answer.json()).toEqual({ code: 200, msg: "ok", data: { fid: digest(bytes) } });
    expect(answer.status).toBe(200);
    const id = answer.headers.get("x-granary-upload") as string;
    expect(answer.headers.get("location")).toBe(`/uploads/${id}`);
    expect(await network.database.upload.findUniqueOrThrow({ where: { id } })).toMatchObject({
      state: "encoded",
      name: "note.txt",
      sizeBytes: BigInt(bytes.length),
      kind: "whole",
    });
  });

  it("as the body itself keeps its name, also one with spaces and other scripts", async () => {
    const name = "über uns & 漢字.txt";
    const answer = await put(`/object/${encodeURIComponent(name)}`, network.signed(), "raw bytes");
    expect(((await answer.json()) as Answer).data.fid).toBe(digest(Buffer.from("raw bytes")));
    const id = answer.headers.get("x-granary-upload") as string;
    const status = await (await fetch(`${network.url()}/uploads/${id}`)).json();
    expect((status as Answer).data).toMatchObject({ name, state: "encoded", territory: "home" });
  });

  it("that shall not wait is answered as soon as its bytes are durable", async () => {
    network.others.doesEncode = false;
    const answer = await put("/object/soon.bin", network.signed({ prefer: "respond-async" }), "soon");
    network.others.doesEncode = true;
    expect(answer.status).toBe(202);
    const { data } = (await answer.json()) as Answer;
    expect(data).toMatchObject({ state: "received", statusUrl: `/uploads/${data.uploadId}` });
  });

  it("of nothing is active at once and can be read everywhere", async () => {
    const answer = await put("/file", network.signed(), form("empty.txt", new Uint8Array()));
    expect(((await answer.json()) as Answer).data.fid).toBe(EMPTY_FID);
    const download = await fetch(`${network.url()}/file/download/${EMPTY_FID}`);
    expect([download.status, download.headers.get("content-length")]).toEqual([200, "0"]);
    expect((await download.arrayBuffer()).byteLength).toBe(0);
    await eventually("the empty part is gone", async () => {
      const id = answer.headers.get("x-granary-upload") as string;
      return !(await network.stagedFiles()).some((file) => file.includes(id));
    });
  });
});
