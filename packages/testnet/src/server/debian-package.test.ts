import { describe, expect, it } from "@jest/globals";
import { parseOsRelease } from "./debian-package.js";

describe("what is fetched for one release of a distribution", () => {
  it("is kept apart from another's", () => {
    expect(parseOsRelease('ID=debian\nVERSION_ID="12"\nVERSION_CODENAME=bookworm\n')).toBe("debian-bookworm");
    expect(parseOsRelease('ID="alpine"\nVERSION_ID=3.20.1\n')).toBe("alpine-3.20.1");
    expect(parseOsRelease("ID=debian\n")).toBe("debian-rolling");
    expect(parseOsRelease("")).toBe("unknown-rolling");
  });

  it("never leaves the cache folder, whatever the file says", () => {
    expect(parseOsRelease("ID=../../etc\nVERSION_CODENAME=a/b")).not.toContain("/");
  });
});
