import { describe, expect, it } from "@jest/globals";
import { cacheFolderFor } from "./cache-folder.js";

const writable = () => true;
const readOnly = () => false;

describe("the cache folder", () => {
  it("is where GRANARY_CACHE says, whoever asks", () => {
    expect(cacheFolderFor({ GRANARY_CACHE: "/data/cache" }, { uid: 0, home: "/root" }, writable)).toBe("/data/cache");
  });

  it("of root lies where the user that Postgres runs as may go, not in root's home", () => {
    expect(cacheFolderFor({}, { uid: 0, home: "/root" }, writable)).toBe("/var/tmp/granary-0");
  });

  it("of a user lies in the home folder, or, where that cannot be written, in a folder of that user alone", () => {
    expect(cacheFolderFor({}, { uid: 1000, home: "/home/a" }, writable)).toBe("/home/a/.cache/granary");
    expect(cacheFolderFor({}, { uid: 65534, home: "/nonexistent" }, readOnly)).toBe("/var/tmp/granary-65534");
  });
});
