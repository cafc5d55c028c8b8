import { describe, expect, it } from "@jest/globals";
import { checkFileName } from "./name.js";

const refused = (code: string) => expect.objectContaining({ code, category: "invalid" });

describe("a file name", () => {
  it("counts UTF-8 bytes, not characters", () => {
    for (const name of ["abc", "é.", "界", "🗺", "x".repeat(63), "界".repeat(21), "with space/and slash.bin"]) {
      expect(checkFileName(name)).toBe(name);
    }
    for (const name of ["", "a", "ab", "é"]) expect(() => checkFileName(name)).toThrow(refused("FILE_NAME_TOO_SHORT"));
    for (const name of ["x".repeat(64), `${"界".repeat(21)}x`, "é".repeat(32)]) {
      expect(() => checkFileName(name)).toThrow(refused("FILE_NAME_TOO_LONG"));
    }
  });

  it("holds no control characters and no half of a surrogate pair", () => {
    for (const name of ["a\nbc", "abc\u0000", "abc\u007f", "abc\u0085", "abc\ud83d", "\ude00abc"]) {
      expect(() => checkFileName(name)).toThrow(refused("FILE_NAME_MALFORMED"));
    }
  });
});
