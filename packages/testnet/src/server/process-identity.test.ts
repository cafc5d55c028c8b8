import { spawn } from "node:child_process";
import { once } from "node:events";
import { describe, expect, it } from "@jest/globals";
import { identify, isSameProcessAlive, parseStat } from "./process-identity.js";

describe("the identity of a process", () => {
  it("tells a living process from a dead one, and from another that took its number", async () => {
    const child = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"]);
    await once(child, "spawn");
    const identity = await identify(child.pid as number);
    expect(identity).toBeDefined();
    if (identity === undefined) return;
    expect(await isSameProcessAlive(identity)).toBe(true);
    expect(await isSameProcessAlive({ ...identity, began: `${identity.began}0` })).toBe(false);
    child.kill("SIGKILL");
    await once(child, "exit");
    expect(await isSameProcessAlive(identity)).toBe(false);
  });

  it("is read past a program name that looks like more fields", () => {
    const rest = Array.from({ length: 18 }, (_, index) => index).join(" ");
    expect(parseStat(`42 (a) R 1 (b) S ${rest} 777 0 0`)).toEqual({ state: "S", startTicks: "777" });
    expect(parseStat("")).toBeUndefined();
  });
});
