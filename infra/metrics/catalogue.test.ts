import { describe, expect, it } from "@jest/globals";
import { createRegister } from "../../packages/telemetry/src/register.js";
import { catalogue, families } from "./catalogue.js";

/** Names of labels that would grow with the data: one series for each file, miner, customer or address. */
const growing = /fid|hash|miner|account|owner|territory|upload_?id|url|endpoint|address|host|path|bucket|object|user/i;
/** Values that are such a thing, whatever the label is called. */
const identities = [
  /^[0-9a-f]{32,}$/i,
  /:\/\//,
  /^c?[1-9A-HJ-NP-Za-km-z]{46,}$/,
  /^[0-9a-f]{8}-[0-9a-f]{4}-/i,
  /^\d+\.\d+\.\d+/,
];

describe("the metrics of all services", () => {
  it("are there", () => {
    expect(catalogue.map(({ service }) => service)).toHaveLength(6);
    for (const { families } of catalogue) expect(families.length).toBeGreaterThan(20);
  });

  it("have no label that names a file, a miner, an account or an address", () => {
    const wrong = [...families.values()].flatMap(({ name, labels }) =>
      Object.entries(labels).flatMap(([label, values]) => [
        ...(growing.test(label) ? [`${name}{${label}}`] : []),
        ...values.filter((value) => identities.some((it) => it.test(value))).map((it) => `${name}{${label}="${it}"}`),
      ]),
    );
    expect(wrong).toEqual([]);
  });

  it("have few series: their number does not grow with what is stored", () => {
    for (const { service, families } of catalogue) {
      const series = families.reduce(
        (sum, { labels }) =>
          sum + Object.values(labels).reduce((product, values) => product * Math.max(1, values.length), 1),
        0,
      );
      expect({ service, isFew: series < 2_000 }).toEqual({ service, isFew: true });
    }
  });

  it("mean the same in every service that has them", () => {
    for (const { families: own } of catalogue) {
      for (const { name, help, kind, labels } of own) {
        const all = families.get(name);
        expect({ name, help, kind, labels: Object.keys(labels) }).toEqual({
          name,
          help: all?.help,
          kind: all?.kind,
          labels: Object.keys(all?.labels ?? {}),
        });
      }
    }
  });

  it("would be refused with the label of a file or of a miner", () => {
    const register = createRegister({ service: "test", processMetrics: false });
    register.counter<{ fid: string }>({ name: "granary_test_total", help: "x", labels: { fid: ["a".repeat(64)] } });
    const labels = register.families().flatMap((family) => Object.entries(family.labels));
    expect(labels.some(([label, values]) => growing.test(label) && identities[0]?.test(values[0] ?? ""))).toBe(true);
  });
});
