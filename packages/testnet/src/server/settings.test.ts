import { describe, expect, it } from "@jest/globals";
import { canSyncAlways, natsConfig } from "./nats.js";
import { postgresArguments } from "./postgres.js";
import { findUser } from "./postgres-user.js";
import { redisArguments } from "./redis.js";

describe("settings", () => {
  it.each([true, false])("bind every server to loopback and keep acknowledged writes (durable: %s)", (durable) => {
    const postgres = postgresArguments(20_001, "/data", durable);
    expect(postgres).toContain("listen_addresses=127.0.0.1");
    expect(postgres).toContain("synchronous_commit=on");
    const redis = redisArguments(20_002, "/data", durable).join(" ");
    expect(redis).toContain("--bind 127.0.0.1 ");
    expect(redis).toContain("--appendonly yes");
    expect(redis).toContain("--maxmemory-policy noeviction");
    const nats = natsConfig({ port: 20_003, serverName: "a", storeFolder: "/data", syncAlways: durable });
    expect(nats).toContain('listen: "127.0.0.1:20003"');
    expect(nats.includes("sync_interval: always")).toBe(durable);
  });

  it("protect Postgres from power loss exactly when it is durable", () => {
    for (const name of ["fsync", "full_page_writes"]) {
      expect(postgresArguments(20_001, "/data", true)).toContain(`${name}=on`);
      expect(postgresArguments(20_001, "/data", false)).toContain(`${name}=off`);
    }
  });

  it("quote a folder whose name holds a quote", () => {
    expect(natsConfig({ port: 1, serverName: "a", storeFolder: '/a"b', syncAlways: false })).toContain('"/a\\"b"');
  });

  it("ask of NATS only what its version knows", () => {
    expect(canSyncAlways("nats-server: v2.9.10")).toBe(false);
    expect(canSyncAlways("nats-server: v2.10.0")).toBe(true);
    expect(canSyncAlways("nats-server: v3.0.1-beta")).toBe(true);
    expect(canSyncAlways("something else")).toBe(false);
  });
});

describe("the user that Postgres runs as", () => {
  const passwd = "root:x:0:0::/root:/bin/sh\nnobody:*:-2:-2::/:/bin/false\npostgres:x:101:104::/:/bin/sh\n";

  it("is the first one wished for that exists", () => {
    expect(findUser(passwd, ["postgres", "nobody"])).toEqual({ uid: 101, gid: 104 });
    expect(findUser(passwd, ["daemon"])).toBeUndefined();
  });

  it("has an id without sign", () => {
    expect(findUser(passwd, ["nobody"])).toEqual({ uid: 4_294_967_294, gid: 4_294_967_294 });
  });
});
