import { describe, expect, it } from "@jest/globals";
import { alternate, type BenchResult, defineBench, median, runBench } from "./index.js";

async function resultsOf(bench: Parameters<typeof runBench>[0]): Promise<BenchResult[]> {
  const results: BenchResult[] = [];
  await runBench(bench, { result: (result) => results.push(result), say: () => {} });
  return results;
}

describe("a bench", () => {
  it("gives the median of its runs, and the median of each round's ratio", async () => {
    const bench = defineBench({
      names: ["speed", "ours.vs-theirs"],
      about: "",
      run({ record, compare }) {
        record("speed", "MiB/s", [5, 1, 3], 2);
        compare("ours.vs-theirs", [1, 2, 10], [3, 4, 50]);
      },
    });
    expect(await resultsOf(bench)).toEqual([
      { name: "speed", median: 3, unit: "MiB/s", ratio: 2, runs: [5, 1, 3] },
      { name: "ours.vs-theirs", median: 3, unit: "ratio", ratio: 3, runs: [3, 2, 5] },
    ]);
  });

  it("fails where it leaves out a name that it lists, invents one, or records no number", async () => {
    const of = (run: Parameters<typeof runBench>[0]["run"]) => resultsOf({ names: ["a"], about: "", run });
    await expect(of(() => {})).rejects.toThrow("not recorded: a");
    await expect(of(({ record }) => record("b", "s", [1]))).rejects.toThrow("b is not listed");
    await expect(of(({ record }) => record("a", "s", [1, Number.NaN]))).rejects.toThrow("no number");
    await expect(of(({ record }) => record("a", "s", []))).rejects.toThrow("median of nothing");
    await expect(of(({ compare }) => compare("a", [1], [1, 2]))).rejects.toThrow("unequal numbers");
  });

  it("has a median of even numbers of runs", () => {
    expect(median([4, 1, 2, 10])).toBe(3);
  });
});

describe("alternating", () => {
  it("gives every variant each place in the order, and does not count the round before", async () => {
    const order: string[] = [];
    const ran = (name: string) => () => order.push(name);
    const measured = await alternate(3, { a: ran("a"), b: ran("b"), c: ran("c") });
    expect(order.join("")).toBe("abc" + "abc" + "bca" + "cab");
    expect(measured).toEqual({ a: [4, 9, 11], b: [5, 7, 12], c: [6, 8, 10] });
  });
});
