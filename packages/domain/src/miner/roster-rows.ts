import type { Position } from "./area.js";
import type { Cooldown } from "./cooldown.js";
import { dimensions, type GroupKeys, groupKeysOf } from "./diversity.js";
import type { Experience } from "./judge.js";
import type { Refusal } from "./refusal.js";
import type { Reporting } from "./reporting.js";
import type { Speed } from "./reputation.js";
import type { Load } from "./score.js";
import type { Candidate } from "./select.js";

/** What a roster holds of each miner, in columns of numbers: an object apiece would take several times the space. */
export interface RosterRows {
  readonly capacity: number;
  /** Makes room; true when it had to grow. */
  reserve(rows: number): boolean;
  write(index: number, miner: Candidate): void;
  clear(index: number): void;
  setExperience(index: number, experience: Experience): void;
  setLoad(index: number, load: Load): void;
  setIdleBytes(index: number, idleBytes: number): void;
  idleBytes(index: number): number;
  /** Whether no filter that changes seldom refuses it. */
  isUsable(index: number): boolean;
  standingRefusalAt(index: number): Refusal | null;
  groupsAt(index: number): GroupKeys;
  positionAt(index: number): Position | null;
  stateAt(index: number): Experience & Load;
  /** What the filters look at that change often. */
  limitsAt(index: number): { readonly cooldown: Cooldown; readonly idleBytes: number } & Load;
}

/** Room is made by this factor, so that little of it stands empty. */
const GROWTH = 1.2;

/** Why a miner is not drawn at all. */
const IN_USE = 0;
const standing: readonly (Refusal | null)[] = [null, "chain-state", "no-endpoint", "quarantine"];

const longs = [
  "kept",
  "broken",
  "evidenceAt",
  "secondsPerFragment",
  "speedAt",
  "reportedAt",
  "until",
  "idleBytes",
] as const;
const shorts = ["secondsPerReport", "peakLagMs", "longitude", "latitude"] as const;
const counts = ["failuresInRow", "exponent", "inflight", "unreported", "standing"] as const;

type Columns = { [K in (typeof longs)[number]]: Float64Array } & { [K in (typeof shorts)[number]]: Float32Array } & {
  [K in (typeof counts)[number]]: Uint16Array;
} & { groups: Int32Array };

function createColumns(capacity: number, before: Columns | null): Columns {
  const from = <T extends { set(source: T): void }>(fresh: T, old: T | undefined): T => {
    if (old !== undefined) fresh.set(old);
    return fresh;
  };
  return Object.fromEntries([
    ...longs.map((name) => [name, from(new Float64Array(capacity), before?.[name] as Float64Array)]),
    ...shorts.map((name) => [name, from(new Float32Array(capacity), before?.[name] as Float32Array)]),
    ...counts.map((name) => [name, from(new Uint16Array(capacity), before?.[name] as Uint16Array)]),
    ["groups", from(new Int32Array(capacity * dimensions.length), before?.groups as Int32Array)],
  ]) as Columns;
}

export function createRosterRows(): RosterRows {
  let capacity = 0;
  let columns = createColumns(0, null);
  /** Few: only those that are in quarantine. */
  const quarantines = new Map<number, string>();
  const number = (column: keyof Columns, index: number): number => columns[column][index] as number;

  function standingOf(miner: Candidate): Refusal | null {
    if (miner.chainState !== "positive") return "chain-state";
    if (!miner.hasEndpoint) return "no-endpoint";
    return miner.quarantine === null ? null : "quarantine";
  }

  function writeExperience(index: number, { evidence, speed, cooldown, reporting, quarantine }: Experience): void {
    columns.kept[index] = evidence.kept;
    columns.broken[index] = evidence.broken;
    columns.evidenceAt[index] = evidence.at;
    columns.secondsPerFragment[index] = speed?.secondsPerFragment ?? Number.NaN;
    columns.speedAt[index] = speed?.at ?? 0;
    columns.secondsPerReport[index] = reporting?.secondsPerReport ?? Number.NaN;
    columns.peakLagMs[index] = reporting?.peakLagMs ?? 0;
    columns.reportedAt[index] = reporting?.at ?? 0;
    columns.failuresInRow[index] = cooldown.failuresInRow;
    columns.exponent[index] = cooldown.exponent;
    columns.until[index] = cooldown.until ?? Number.NaN;
    if (quarantine === null) quarantines.delete(index);
    else quarantines.set(index, quarantine);
  }

  function cooldownAt(index: number): Cooldown {
    const until = number("until", index);
    return {
      failuresInRow: number("failuresInRow", index),
      exponent: number("exponent", index),
      until: Number.isNaN(until) ? null : until,
    };
  }

  function speedAt(index: number): Speed | null {
    const secondsPerFragment = number("secondsPerFragment", index);
    return Number.isNaN(secondsPerFragment) ? null : { secondsPerFragment, at: number("speedAt", index) };
  }

  function reportingAt(index: number): Reporting | null {
    const secondsPerReport = number("secondsPerReport", index);
    if (Number.isNaN(secondsPerReport)) return null;
    return { secondsPerReport, peakLagMs: number("peakLagMs", index), at: number("reportedAt", index) };
  }

  const setStanding = (index: number, refusal: Refusal | null) => {
    columns.standing[index] = standing.indexOf(refusal);
  };

  return {
    get capacity() {
      return capacity;
    },
    reserve(rows) {
      if (rows <= capacity) return false;
      capacity = Math.max(64, rows, Math.ceil(capacity * GROWTH));
      columns = createColumns(capacity, columns);
      return true;
    },
    write(index, miner) {
      writeExperience(index, miner);
      columns.idleBytes[index] = miner.idleBytes;
      columns.inflight[index] = miner.inflight;
      columns.unreported[index] = miner.unreported;
      columns.longitude[index] = miner.position?.longitude ?? Number.NaN;
      columns.latitude[index] = miner.position?.latitude ?? Number.NaN;
      columns.groups.set(groupKeysOf(miner.groups), index * dimensions.length);
      setStanding(index, standingOf(miner));
    },
    clear(index) {
      columns.idleBytes[index] = 0;
      quarantines.delete(index);
    },
    setExperience(index, experience) {
      writeExperience(index, experience);
      const before = standing[number("standing", index)] ?? null;
      if (before === null || before === "quarantine") {
        setStanding(index, experience.quarantine === null ? null : "quarantine");
      }
    },
    setLoad(index, { inflight, unreported }) {
      columns.inflight[index] = inflight;
      columns.unreported[index] = unreported;
    },
    setIdleBytes(index, idleBytes) {
      columns.idleBytes[index] = idleBytes;
    },
    idleBytes: (index) => number("idleBytes", index),
    isUsable: (index) => number("standing", index) === IN_USE,
    standingRefusalAt: (index) => standing[number("standing", index)] ?? null,
    groupsAt: (index) => columns.groups.subarray(index * dimensions.length, (index + 1) * dimensions.length),
    positionAt(index) {
      const longitude = number("longitude", index);
      return Number.isNaN(longitude) ? null : { longitude, latitude: number("latitude", index) };
    },
    stateAt: (index) => ({
      evidence: { kept: number("kept", index), broken: number("broken", index), at: number("evidenceAt", index) },
      speed: speedAt(index),
      cooldown: cooldownAt(index),
      reporting: reportingAt(index),
      quarantine: quarantines.get(index) ?? null,
      inflight: number("inflight", index),
      unreported: number("unreported", index),
    }),
    limitsAt: (index) => ({
      cooldown: cooldownAt(index),
      idleBytes: number("idleBytes", index),
      inflight: number("inflight", index),
      unreported: number("unreported", index),
    }),
  };
}
