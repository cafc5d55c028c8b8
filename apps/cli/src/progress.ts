import { formatBytes } from "@granary/primitives";

/** Long work, shown on standard error: a bar that moves on a terminal, a line now and then elsewhere. */
export interface Progress {
  update(done: number, note?: string): void;
  finish(note?: string): void;
}

const BAR_CELLS = 28;
const LINE_EVERY_MS = 2_000;

export const silentProgress: Progress = { update: () => {}, finish: () => {} };

export function createProgress(options: {
  label: string;
  total: number;
  unit: "bytes" | "steps";
  stream?: NodeJS.WriteStream;
  now?: () => number;
}): Progress {
  const { label, total, unit, stream = process.stderr, now = Date.now } = options;
  const startedAt = now();
  let printedAt = 0;
  let last = -1;
  let lastNote = "";
  const line = (done: number, note: string) =>
    renderLine({ label, total, unit, done, note, elapsedMs: now() - startedAt });
  const show = (done: number, note: string, isEnd: boolean) => {
    const text = line(done, note);
    if (stream.isTTY) stream.write(`\r\u001b[2K${text}${isEnd ? "\n" : ""}`);
    else if (isEnd || now() - printedAt >= LINE_EVERY_MS) {
      stream.write(`${text}\n`);
      printedAt = now();
    }
  };
  return {
    update(done, note = "") {
      if (done === last && note === lastNote) return;
      last = done;
      lastNote = note;
      show(done, note, false);
    },
    finish: (note = "") => show(unit === "bytes" ? total : Math.max(last, total), note, true),
  };
}

export function renderLine(state: {
  label: string;
  total: number;
  unit: "bytes" | "steps";
  done: number;
  note: string;
  elapsedMs: number;
}): string {
  const share = state.total === 0 ? 1 : Math.min(1, state.done / state.total);
  const filled = Math.round(share * BAR_CELLS);
  const bar = `${"█".repeat(filled)}${"░".repeat(BAR_CELLS - filled)}`;
  const seconds = state.elapsedMs / 1000;
  const speed = state.unit === "bytes" && seconds > 0 ? ` ${formatBytes(state.done / seconds)}/s` : "";
  const amount =
    state.unit === "bytes"
      ? `${formatBytes(state.done)} of ${formatBytes(state.total)}`
      : `${state.done}/${state.total}`;
  const parts = [state.label.padEnd(10), bar, `${Math.floor(share * 100)}%`.padStart(4), amount + speed, state.note];
  return parts.filter((part) => part !== "").join(" ");
}
