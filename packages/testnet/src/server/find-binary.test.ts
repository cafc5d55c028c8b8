import { describe, expect, it } from "@jest/globals";
import { missing, programs } from "./find-binary.js";

describe("a server that cannot be had", () => {
  it("is reported with what was tried, what to install, and what to set instead", () => {
    const error = missing(programs.redis, "this system has no apt-get", "linux");
    expect(error).toMatchObject({ code: "SERVER_BINARY_MISSING", category: "unavailable" });
    for (const part of ["redis-server", "valkey-server", "no apt-get", "REDIS_URL"])
      expect(error.message).toContain(part);
  });

  it("on a Mac comes from Homebrew", () => {
    expect(missing(programs.nats, "no", "darwin").message).toContain("brew install nats-server");
  });
});
