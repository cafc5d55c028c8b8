import { alternate, defineBench } from "@granary/bench";
import { MiB } from "@granary/primitives";
import { minerControl } from "@granary/testnet";
import { openLoopback } from "./loopback.js";

const SIZE = 128 * MiB;
const ROUNDS = 3;
const DEAD = 8;

/**
 * Each state is read twice: the first read after a change finds out what has become of the miners, the second is the
 * steady state, and the one that is compared. The degraded first read is compared on its own.
 */
export default defineBench({
  names: ["download.degraded.vs-healthy", "download.degraded-first-read.vs-healthy", "download.cold", "ttfb.cold"],
  about: `${SIZE / MiB} MiB from 12 miners, of which ${DEAD} do not answer any more, beside all alive; nothing is cached`,
  async run({ record, compare }) {
    const loopback = await openLoopback("bench-degraded", { environment: { retrieval: { CACHE_BYTES: "0B" } } });
    try {
      const { fid } = await loopback.store("degraded", SIZE, 1);
      const miners = minerControl(loopback.network.urls.minerControl);
      const map = await loopback.gateway.call<{ columns: { miner: string }[] }>(`/file/map/${fid}`);
      // Those of the data fragments are among them: what is left must be decoded.
      const doomed = map.columns.slice(0, DEAD).map(({ miner }) => miner);
      const behave = (kind: string) => Promise.all(doomed.map((miner) => miners.behave(miner, { kind })));
      const read = () => loopback.fetch(fid, SIZE, 1);
      const firstBytes: number[] = [];
      const firstReads: number[] = [];
      const times = await alternate(ROUNDS, {
        healthy: async () => {
          await read();
          const { firstByteMs, wholeMs } = await read();
          firstBytes.push(firstByteMs);
          return wholeMs;
        },
        degraded: async () => {
          await behave("dead");
          firstReads.push((await read()).wholeMs);
          const { wholeMs } = await read();
          await behave("honest");
          return wholeMs;
        },
      });
      compare("download.degraded.vs-healthy", times.degraded, times.healthy);
      compare("download.degraded-first-read.vs-healthy", firstReads.slice(1), times.healthy);
      record(
        "download.cold",
        "MiB/s",
        times.healthy.map((ms) => SIZE / MiB / (ms / 1000)),
      );
      record("ttfb.cold", "ms", firstBytes.slice(1));
    } finally {
      await loopback.close();
    }
  },
});
