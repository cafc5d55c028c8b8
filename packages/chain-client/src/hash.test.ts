import type { Digest } from "@granary/primitives";
import { describe, expect, it } from "@jest/globals";
import { digestFromChain, digestToChain } from "./hash.js";

const digest = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" as Digest;

describe("digests on chain", () => {
  it("are the 64 ASCII bytes of their text, and come back the same", () => {
    const bytes = digestToChain(digest);
    expect(bytes).toHaveLength(64);
    expect(Buffer.from(bytes).toString("ascii")).toBe(digest);
    expect(digestFromChain(bytes)).toBe(digest);
  });

  it("are not made of anything else that people put there", () => {
    const others = [digest.toUpperCase(), digest.slice(1), `${digest}0`, "é".repeat(32), "\0".repeat(64)];
    for (const text of others) expect(digestFromChain(new TextEncoder().encode(text))).toBeNull();
  });
});
