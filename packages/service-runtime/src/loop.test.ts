import { silentLog } from "@granary/telemetry";
import { describe, expect, it } from "@jest/globals";
import { runLoop, type Step } from "./loop.js";

/** Runs a loop until `step` was called `times` times. */
async function runTimes(times: number, outcome: (call: number) => ReturnType<Step>, idleMs: number) {
  let calls = 0;
  let enough = () => {};
  const done = new Promise<void>((resolve) => {
    enough = resolve;
  });
  const loop = runLoop({
    name: "test",
    idleMs,
    log: silentLog,
    step: async () => {
      calls += 1;
      if (calls >= times) enough();
      return outcome(calls);
    },
  });
  await done;
  await loop.stop();
  return calls;
}

describe("runLoop", () => {
  it("does not pause while its step is busy", async () => {
    expect(await runTimes(50, async (call) => (call < 50 ? "busy" : "idle"), 60_000)).toBe(50);
  });

  it("goes on after its step has failed", async () => {
    const calls = await runTimes(
      2,
      async (call) => {
        if (call === 1) throw new Error("once");
        return "idle";
      },
      60_000,
    );
    expect(calls).toBe(2);
  });

  it("wakes up when nudged", async () => {
    let calls = 0;
    let second = () => {};
    const woken = new Promise<void>((resolve) => {
      second = resolve;
    });
    const loop = runLoop({
      name: "test",
      idleMs: 60_000,
      log: silentLog,
      step: async () => {
        calls += 1;
        if (calls === 1) setImmediate(() => setImmediate(() => loop.nudge()));
        if (calls === 2) second();
        return "idle";
      },
    });
    await woken;
    await loop.stop();
    expect(calls).toBe(2);
  });

  it("waits for the running step when it is stopped", async () => {
    let finished = false;
    let started = () => {};
    const begun = new Promise<void>((resolve) => {
      started = resolve;
    });
    const loop = runLoop({
      name: "test",
      idleMs: 1,
      log: silentLog,
      step: async (signal) => {
        started();
        await new Promise<void>((resolve) => signal.addEventListener("abort", () => setTimeout(resolve, 20)));
        finished = true;
        return "idle";
      },
    });
    await begun;
    await loop.stop();
    expect(finished).toBe(true);
  });
});
