import { asCodedError } from "@granary/primitives";
import type { Service } from "./service.js";

/** The body of every `main.ts`: starts the service, and ends it on SIGTERM and SIGINT. */
export async function runMain(start: () => Promise<Service>, options: { graceMs: number }): Promise<void> {
  let service: Service;
  try {
    service = await start();
  } catch (thrown) {
    console.error(asCodedError(thrown).code === "UNEXPECTED" ? thrown : asCodedError(thrown).message);
    process.exit(1);
  }
  let isStopping = false;
  const stop = async () => {
    if (isStopping) return;
    isStopping = true;
    setTimeout(() => process.exit(1), options.graceMs).unref();
    await service.stop();
    process.exit(0);
  };
  process.on("SIGTERM", stop);
  process.on("SIGINT", stop);
  // A promise that nobody awaited is a bug, but not one to lose uploads for: say it, and go on.
  process.on("unhandledRejection", (reason) => console.error("unhandled rejection", reason));
}
