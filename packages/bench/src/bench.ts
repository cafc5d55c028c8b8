/** One measured figure: what `--json` writes. */
export interface BenchResult {
  readonly name: string;
  readonly median: number;
  readonly unit: string;
  /** Against what the name says; null where a figure stands alone. */
  readonly ratio: number | null;
  /** Each run's figure, in their order. */
  readonly runs: readonly number[];
}

/** What a bench is given to report with. */
export interface Recorder<Name extends string = string> {
  /** A figure by the median of its runs. */
  record(name: Name, unit: string, runs: readonly number[], ratio?: number): void;
  /** Durations of the same work in the same rounds: how many times faster `ours` is, by the median of each round's ratio. */
  compare(name: Name, ours: readonly number[], theirs: readonly number[]): void;
  /** A line for whoever watches. */
  say(line: string): void;
}

export interface Bench<Name extends string = string> {
  /** Every name that it records. */
  readonly names: readonly Name[];
  readonly about: string;
  run(recorder: Recorder<Name>): Promise<void> | void;
}

/** Keeps the names literal, so that a name recorded and not listed does not compile. */
export const defineBench = <const Name extends string>(bench: Bench<Name>): Bench<Name> => bench;

/** The middle one; of an even number, the mean of the two in the middle. */
export function median(values: readonly number[]): number {
  if (values.length === 0) throw new RangeError("the median of nothing");
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] as number;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] as number)) / 2;
}

/** Runs one bench; results come as they are recorded. @throws where a listed name was not recorded */
export async function runBench(
  bench: Bench,
  report: { readonly result: (result: BenchResult) => void; readonly say: (line: string) => void },
): Promise<void> {
  const missing = new Set(bench.names);
  const record: Recorder["record"] = (name, unit, runs, ratio) => {
    if (!missing.delete(name)) throw new RangeError(`${name} is not listed, or was recorded before`);
    if (!runs.every(Number.isFinite)) throw new RangeError(`${name} has a run that is no number`);
    report.result({ name, median: median(runs), unit, ratio: ratio ?? null, runs });
  };
  await bench.run({
    record,
    compare(name, ours, theirs) {
      if (ours.length !== theirs.length) throw new RangeError(`${name} compares unequal numbers of rounds`);
      const ratios = ours.map((duration, round) => (theirs[round] as number) / duration);
      record(name, "ratio", ratios, median(ratios));
    },
    say: report.say,
  });
  if (missing.size > 0) throw new RangeError(`not recorded: ${[...missing].join(", ")}`);
}
