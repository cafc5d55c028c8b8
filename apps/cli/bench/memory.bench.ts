import { defineBench } from "@granary/bench";
import { GiB, MiB } from "@granary/primitives";
import { openLoopback, type ServicePeaks, sumOf } from "./loopback.js";

const SMALL = 64 * MiB;
const LARGE = 4 * GiB;
const HOT_READS = 9;

const show = (peaks: ServicePeaks) =>
  Object.entries(peaks)
    .map(([service, mib]) => `${service} ${mib.toFixed(0)}`)
    .join(", ");

/**
 * Peak resident memory of the four services that bytes pass through, added up; each peak on its own, whenever it was.
 * A first file is not counted: it brings the processes to where they stand in service. Then the peaks are forgotten
 * before each upload and each download.
 */
export default defineBench({
  names: [
    "memory.upload.64MiB",
    "memory.upload.4GiB",
    "memory.upload.4GiB-vs-64MiB",
    "memory.download.64MiB",
    "memory.download.4GiB",
    "memory.download.4GiB-vs-64MiB",
    "upload.4GiB.acknowledged",
    "upload.4GiB.active",
    "download.4GiB.cold",
    "download.64MiB.hot",
    "ttfb.hot",
  ],
  about: "one file at a time through the real services and 12 miners on loopback; the large one takes minutes",
  async run({ record, say }) {
    const loopback = await openLoopback("bench-memory");
    const through = async (name: string, sizeBytes: number, key: number) => {
      await loopback.resetPeaks();
      const stored = await loopback.store(name, sizeBytes, key);
      const upload = await loopback.peaks();
      await loopback.resetPeaks();
      const fetched = await loopback.fetch(stored.fid, sizeBytes, key);
      const download = await loopback.peaks();
      say(`${name}: upload ${show(upload)}; download ${show(download)} MiB`);
      return { ...stored, ...fetched, upload: sumOf(upload), download: sumOf(download) };
    };
    try {
      await through("warm-up", SMALL, 1);
      const small = await through("small", SMALL, 2);
      const hot = [];
      for (let read = 0; read < HOT_READS; read += 1) hot.push(await loopback.fetch(small.fid, SMALL, 2));
      const large = await through("large", LARGE, 3);
      for (const way of ["upload", "download"] as const) {
        const ratio = large[way] / small[way];
        record(`memory.${way}.64MiB`, "MiB", [small[way]]);
        record(`memory.${way}.4GiB`, "MiB", [large[way]]);
        record(`memory.${way}.4GiB-vs-64MiB`, "ratio", [ratio], ratio);
      }
      const mibPerSecond = (bytes: number, ms: number) => bytes / MiB / (ms / 1000);
      record("upload.4GiB.acknowledged", "MiB/s", [mibPerSecond(LARGE, large.acknowledgedMs)]);
      record("upload.4GiB.active", "MiB/s", [mibPerSecond(LARGE, large.activeMs)]);
      record("download.4GiB.cold", "MiB/s", [mibPerSecond(LARGE, large.wholeMs)]);
      record(
        "download.64MiB.hot",
        "MiB/s",
        hot.map(({ wholeMs }) => mibPerSecond(SMALL, wholeMs)),
      );
      record(
        "ttfb.hot",
        "ms",
        hot.map(({ firstByteMs }) => firstByteMs),
      );
    } finally {
      await loopback.close();
    }
  },
});
