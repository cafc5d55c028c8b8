import { describe, expect, it } from "@jest/globals";
import { createMemo } from "./memo.js";

function counting(keepMs: number, weightMax = 100) {
  const asked: string[] = [];
  const memo = createMemo<string, string>({
    load: async (key) => {
      asked.push(key);
      await new Promise((resolve) => setImmediate(resolve));
      if (key === "bad") throw new Error("bad");
      return key.toUpperCase();
    },
    keepMs: () => keepMs,
    weightMax,
    weightOf: (value) => value.length,
  });
  return { memo, asked };
}

describe("a memo", () => {
  it("asks once for many who ask at a time, and remembers the answer", async () => {
    const { memo, asked } = counting(60_000);
    expect(await Promise.all(["a", "a", "a"].map(memo.get))).toEqual(["A", "A", "A"]);
    expect(await memo.get("a")).toBe("A");
    expect(asked).toEqual(["a"]);
  });

  it("asks again when the time is over, when told to forget, and after an error", async () => {
    const { memo, asked } = counting(0);
    await memo.get("a");
    await memo.get("a");
    expect(asked).toEqual(["a", "a"]);
    await expect(memo.get("bad")).rejects.toThrow("bad");
    await expect(memo.get("bad")).rejects.toThrow("bad");
    expect(asked.slice(2)).toEqual(["bad", "bad"]);
    const kept = counting(60_000);
    await kept.memo.get("a");
    kept.memo.forget("a");
    await kept.memo.get("a");
    expect(kept.asked).toEqual(["a", "a"]);
  });

  it("forgets first what was asked for longest ago", async () => {
    const { memo, asked } = counting(60_000, 3);
    for (const key of ["a", "b", "c", "a", "d", "a", "c", "b"]) await memo.get(key);
    expect(asked).toEqual(["a", "b", "c", "d", "b"]);
  });
});
