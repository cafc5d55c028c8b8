import { accountOf, loadSigner } from "@granary/chain-client/accounts";
import { describe, expect, it } from "@jest/globals";
import { contentDisposition, contentTypeOf } from "./content-type.js";
import { cipherKeyFrom, decodeName, headerOf, placementWishesFrom } from "./headers.js";
import { plainType } from "./sender.js";
import { waitWishOf } from "./wait.js";

const alice = await loadSigner("//Alice");
const codeOf = (work: () => unknown): string => {
  try {
    work();
    return "none";
  } catch (error) {
    return (error as { code: string }).code;
  }
};

describe("placement wishes", () => {
  it("are miners, each in its one form, and an area of three corners or more", () => {
    const headers = { miner: `${alice.account}, ${alice.account}`, longitude: "1.5, -2, 3", latitude: "4, 5, -6.25" };
    expect(placementWishesFrom(headers)).toEqual({
      prefer: [alice.account],
      area: [
        [1.5, 4],
        [-2, 5],
        [3, -6.25],
      ],
    });
    expect(placementWishesFrom({})).toBeNull();
  });

  it("name twelve miners to want nobody else, and fewer to want them first", () => {
    const accounts = Array.from({ length: 12 }, (_, n) => accountOf(new Uint8Array(32).fill(n + 1)));
    expect(placementWishesFrom({ miner: accounts.join(",") })).toEqual({ only: accounts });
    expect(placementWishesFrom({ miner: accounts.slice(1).join(",") })).toEqual({ prefer: accounts.slice(1) });
  });

  it("come as a field too, whose parts stand before the headers'", () => {
    const [bob, carol] = [2, 3].map((n) => accountOf(new Uint8Array(32).fill(n)));
    const field = JSON.stringify({ prefer: [bob], first: 3, avoid: [carol], isAreaStrict: true });
    const headers = { miner: alice.account, longitude: "1,2,3", latitude: "4,5,6" };
    expect(placementWishesFrom(headers, field)).toMatchObject({
      prefer: [bob],
      first: 3,
      avoid: [carol],
      isAreaStrict: true,
    });
    expect(placementWishesFrom(headers, field)?.area).toHaveLength(3);
  });

  it.each([
    "not json",
    '{"only":[]}',
    '{"first":13}',
    '{"unknown":1}',
    '{"area":[[1,2],[3,4]]}',
    JSON.stringify({ only: Array(12).fill(alice.account) }),
  ])("that cannot be followed are refused: %s", (field) => {
    expect(codeOf(() => placementWishesFrom({}, field))).toBe("PLACEMENT_INVALID");
  });

  it.each([
    ["1,2", "1,2"],
    ["1,2,3", "1,2"],
    ["1,2,181", "1,2,3"],
    ["1,2,3", "1,2,91"],
    ["1,2,x", "1,2,3"],
    ["1,2,3", ""],
  ])("that cannot be read are refused: %s / %s", (longitude, latitude) => {
    expect(codeOf(() => placementWishesFrom({ longitude, latitude }))).toBe("AREA_INVALID");
  });
});

describe("a header", () => {
  it("that came as UTF-8 bytes is that text, and one that did not stays as it is", () => {
    expect(headerOf({ a: Buffer.from("größe").toString("latin1") }, "a")).toBe("größe");
    expect(headerOf({ a: "größe" }, "a")).toBe("größe");
  });

  it("with a name may be percent-encoded, and a lone percent sign is just a character", () => {
    expect(decodeName("a%20b.txt")).toBe("a b.txt");
    expect(decodeName("100%.txt")).toBe("100%.txt");
  });

  it("with a cipher has at most 32 bytes; an empty one is none", () => {
    expect(cipherKeyFrom({})).toBeNull();
    expect(cipherKeyFrom({ cipher: "" })).toBeNull();
    expect(cipherKeyFrom({ cipher: "x".repeat(32) })).not.toBeNull();
    expect(codeOf(() => cipherKeyFrom({ cipher: "x".repeat(33) }))).toBe("CIPHER_TOO_LONG");
  });
});

describe("the wish to wait", () => {
  it("is for the FID, unless the client says otherwise", () => {
    expect(waitWishOf(undefined, {})).toEqual({ stage: "encoded", isExplicit: false });
    expect(waitWishOf("active", {})).toEqual({ stage: "active", isExplicit: true });
    expect(waitWishOf(undefined, { prefer: "handling=strict, Respond-Async; wait=1" })).toEqual({
      stage: "received",
      isExplicit: false,
    });
    expect(codeOf(() => waitWishOf("soon", {}))).toBe("WAIT_INVALID");
  });
});

describe("how a file is shown", () => {
  it("its type is its ending's, in any case, and bytes where the ending says nothing", () => {
    expect(contentTypeOf("Photo.JPG")).toBe("image/jpeg");
    expect(contentTypeOf("mp4")).toBe("video/mp4");
    for (const name of ["noending", "a.constructor", "", null, "a.unknown"]) {
      expect(contentTypeOf(name)).toBe("application/octet-stream");
    }
  });

  it("its type is what the uploader said, when that can be sent back and tells something", () => {
    expect(plainType("text/plain; charset=utf-8")).toBe("text/plain; charset=utf-8");
    for (const said of [
      undefined,
      "application/octet-stream",
      "multipart/form-data; boundary=x",
      "text",
      "a/b\r\nX: y",
    ]) {
      expect(plainType(said)).toBeNull();
    }
  });

  it("its name cannot break out of the header", () => {
    const header = contentDisposition("attachment", 'a"b\\c%d\r\nX: y ü.txt');
    expect(header).not.toMatch(/[\r\n]/);
    expect(header).toMatch(/^attachment; filename="[^"\\%]*"; filename\*=UTF-8''[^"\\ ]*$/);
    expect(decodeURIComponent(header.split("UTF-8''")[1] as string)).toBe('a"b\\c%d\r\nX: y ü.txt');
  });
});
