export { type Bench, type BenchResult, defineBench, median, type Recorder, runBench } from "./bench.js";
export { alternate, cpuMs, wallMs } from "./measure.js";
