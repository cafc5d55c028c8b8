import { asCodedError } from "@granary/primitives";
import type { Service } from "./service.js";

/** The body of every `main.ts`: starts the service, and ends it on SIGTERM and SIGINT. */
export async function runMain<C extends { readonly EXIT_GRACE: number }>(
  readSettings: () => C,
  start: (settings: C) => Promise<Service>,
): Promise<void> {
  let service: Service;
  let settings: C;
  try {
    settings = readSettings();
    service = await start(settings);
  } catch (thrown) {
    console.error(asCodedError(thrown).code === "UNEXPECTED" ? thrown : asCodedError(thrown).message);
    process.exit(1);
  }
  let isStopping = false;
  const stop = async () => {
    if (isStopping) return;
    isStopping = true;
    setTimeout(() => {
      console.error(`the service did not end within ${settings.EXIT_GRACE / 1000} s; what it did is left to leases`);
      process.exit(1);
    }, settings.EXIT_GRACE).unref();
    await service.stop();
    process.exit(0);
  };
  process.on("SIGTERM", stop);
  process.on("SIGINT", stop);
  // A promise that nobody awaited is a bug, but not one to lose uploads for: say it, and go on.
  process.on("unhandledRejection", (reason) => console.error("unhandled rejection", reason));
}
