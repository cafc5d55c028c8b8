import { run } from "./run.mjs";

/** Builds every package that changed since it was built last. Returns true when all are built. */
export async function build() {
  const args = ["run", "build", "--output-logs=errors-only", "--no-update-notifier"];
  return (await run("turbo", args, { onlyFailure: true })) === 0;
}
