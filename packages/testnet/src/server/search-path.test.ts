import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { findOnPath, searchFolders } from "./search-path.js";

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "granary-path-"));
});

afterEach(() => rm(folder, { recursive: true, force: true }));

describe("the search for a program", () => {
  it("goes through PATH first, then where servers are installed, and never through npm packages", () => {
    const folders = searchFolders("/opt/nats:/repository/node_modules/.bin::relative:/usr/sbin");
    expect(folders[0]).toBe("/opt/nats");
    expect(folders).toContain("/usr/sbin");
    expect(folders).toEqual([...new Set(folders)]);
    expect(folders.every((path) => path.startsWith("/") && !path.includes("node_modules"))).toBe(true);
  });

  it("prefers the first name to the first folder, and passes over what cannot be run", async () => {
    const [near, far] = [join(folder, "near"), join(folder, "far")];
    await mkdir(join(near, "redis-server"), { recursive: true });
    await mkdir(far);
    await writeFile(join(near, "valkey-server"), "");
    await writeFile(join(far, "valkey-server"), "", { mode: 0o755 });
    expect(findOnPath(["redis-server", "valkey-server"], [near, far])).toBe(join(far, "valkey-server"));
    await writeFile(join(far, "redis-server"), "");
    await chmod(join(far, "redis-server"), 0o755);
    expect(findOnPath(["redis-server", "valkey-server"], [near, far])).toBe(join(far, "redis-server"));
    expect(findOnPath(["nats-server"], [near, far])).toBeUndefined();
  });
});
