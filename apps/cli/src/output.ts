import { asCodedError, type Category } from "@granary/primitives";

/** Exit codes, one for each kind of trouble, so that scripts can tell them apart. */
export const exitCodeOf: Record<Category, number> = {
  invalid: 2,
  denied: 3,
  absent: 4,
  conflict: 5,
  exhausted: 6,
  unavailable: 7,
  timeout: 8,
  corrupt: 9,
  bug: 1,
};

/** Results go to standard output: text for people, or one JSON document. Progress and errors go to standard error. */
export interface Output {
  readonly isJson: boolean;
  result(value: unknown, text: string): void;
  say(text: string): void;
  /** Prints the error and returns the exit code. */
  failure(thrown: unknown): number;
}

export function createOutput(isJson: boolean): Output {
  return {
    isJson,
    result: (value, text) => process.stdout.write(`${isJson ? JSON.stringify(value, null, 2) : text}\n`),
    say: (text) => {
      if (!isJson) process.stderr.write(`${text}\n`);
    },
    failure(thrown) {
      const error = asCodedError(thrown);
      if (isJson) process.stdout.write(`${JSON.stringify({ error: error.toEnvelope() })}\n`);
      else process.stderr.write(`granary: ${error.message} (${error.code})\n`);
      if (error.category === "bug" && process.env.GRANARY_DEBUG !== undefined) console.error(error.cause ?? error);
      return exitCodeOf[error.category];
    },
  };
}

/** Columns aligned by their widest cell. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => (row[column] ?? "").length)));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, n) => cell.padEnd(widths[n] ?? 0))
      .join("  ")
      .trimEnd();
  return [line(head), ...rows.map(line)].join("\n");
}
