import { CodedError } from "./error.js";

export const KiB = 1024;
export const MiB = 1024 * KiB;
export const GiB = 1024 * MiB;

const byteUnits: Record<string, number> = { B: 1, KiB, MiB, GiB, TiB: 1024 * GiB };
const timeUnits: Record<string, number> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

function parseWithUnit(text: string, units: Record<string, number>, code: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([A-Za-z]+)$/.exec(text.trim());
  const factor = match?.[2] === undefined ? undefined : units[match[2]];
  if (match?.[1] === undefined || factor === undefined) {
    throw new CodedError(code, "invalid", `"${text}" is not a number with one of ${Object.keys(units).join(", ")}`);
  }
  return Math.round(Number(match[1]) * factor);
}

/** "8MiB" → 8388608. @throws CodedError SIZE_INVALID (invalid) */
export const parseBytes = (text: string): number => parseWithUnit(text, byteUnits, "SIZE_INVALID");

/** "90s" → 90000 milliseconds. @throws CodedError DURATION_INVALID (invalid) */
export const parseDuration = (text: string): number => parseWithUnit(text, timeUnits, "DURATION_INVALID");

/** 33554432 → "32.0 MiB" */
export function formatBytes(bytes: number): string {
  for (const unit of ["TiB", "GiB", "MiB", "KiB"] as const) {
    const factor = byteUnits[unit] as number;
    if (bytes >= factor) return `${(bytes / factor).toFixed(1)} ${unit}`;
  }
  return `${Math.round(bytes)} B`;
}
