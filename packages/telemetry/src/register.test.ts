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
