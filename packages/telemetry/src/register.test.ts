import { describe, expect, it } from "@jest/globals";
import { createRegister } from "./index.js";

const register = () => createRegister({ service: "test", processMetrics: false });

describe("register", () => {
  it("shows every series of a counter at zero before anything happened", async () => {
    const metrics = register();
    metrics.counter<{ outcome: "stored" | "refused"; kind: "a" | "b" }>({
      name: "granary_test_transfers_total",
      help: "Transfers",
      labels: { outcome: ["stored", "refused"], kind: ["a", "b"] },
    });
    const text = await metrics.render();
    for (const outcome of ["stored", "refused"]) {
      for (const kind of ["a", "b"]) {
        expect(text).toContain(`granary_test_transfers_total{outcome="${outcome}",kind="${kind}",service="test"} 0`);
      }
    }
  });

  it("asks a collected gauge at scrape time", async () => {
    const metrics = register();
    let depth = 3;
    metrics.gauge({ name: "granary_test_depth", help: "Depth", collect: (gauge) => gauge.set({}, depth) });
    expect(await metrics.render()).toContain('granary_test_depth{service="test"} 3');
    depth = 4;
    expect(await metrics.render()).toContain('granary_test_depth{service="test"} 4');
  });

  it("takes a gauge that cannot be read out of the scrape, and says so", async () => {
    const metrics = createRegister({ service: "test", processMetrics: false, collectTimeoutMs: 20 });
    let isDown = false;
    metrics.gauge<"granary_test_rows", { state: "open" | "done" }>({
      name: "granary_test_rows",
      help: "Rows",
      labels: { state: ["open", "done"] },
      collect: async (gauge) => {
        if (isDown) throw new Error("the database is away");
        gauge.set({ state: "open" }, 7);
      },
    });
    metrics.gauge({ name: "granary_test_slow", help: "Slow", collect: () => new Promise(() => {}) });
    metrics.counter({ name: "granary_test_other_total", help: "Other" }).add({}, 5);
    expect(await metrics.render()).toContain('granary_test_rows{state="open",service="test"} 7');
    isDown = true;
    const text = await metrics.render();
    expect(text).not.toMatch(/^granary_test_(rows|slow)\{/m);
    expect(text).toContain('granary_test_other_total{service="test"} 5');
    expect(await metrics.render()).toContain('granary_scrape_failures_total{service="test"} 3');
    isDown = false;
    expect(await metrics.render()).toContain('granary_test_rows{state="open",service="test"} 7');
  });

  it("gives one metric to all who ask for it by the same name, and refuses it with other labels", async () => {
    const metrics = register();
    const depth = (queue: "a" | "b", jobs: number) =>
      metrics.gauge<"granary_test_jobs", { queue: string }>({
        name: "granary_test_jobs",
        help: "Jobs",
        labels: { queue: [queue] },
        collect: (gauge) => gauge.set({ queue }, jobs),
      });
    depth("a", 2);
    depth("b", 3);
    const text = await metrics.render();
    expect(text).toContain('granary_test_jobs{queue="a",service="test"} 2');
    expect(text).toContain('granary_test_jobs{queue="b",service="test"} 3');
    expect(metrics.families().find(({ name }) => name === "granary_test_jobs")).toEqual({
      name: "granary_test_jobs",
      kind: "gauge",
      help: "Jobs",
      labels: { queue: ["a", "b"] },
    });
    expect(() => metrics.gauge({ name: "granary_test_jobs", help: "Jobs" })).toThrow("other labels");
  });

  it("does not compile a name that breaks Prometheus' rules", () => {
    const metrics = register();
    // @ts-expect-error a counter ends in _total
    metrics.counter({ name: "granary_test_transfers", help: "x" });
    // @ts-expect-error a gauge does not
    metrics.gauge({ name: "granary_test_things_total", help: "x" });
    // @ts-expect-error a histogram has a unit
    metrics.histogram({ name: "granary_test_duration", help: "x", buckets: [1] });
    expect(metrics.contentType).toContain("text/plain");
  });
});
