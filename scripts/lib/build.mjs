import { run } from "./run.mjs";

/** Builds every package that changed since it was built last. Returns true when all are built. */
export async function build() {
  return (await run("turbo", ["run", "build", "--output-logs=errors-only", "--no-update-notifier"])) === 0;
}
