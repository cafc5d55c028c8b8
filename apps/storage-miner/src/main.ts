import { asCodedError } from "@granary/primitives";
import { createApp } from "./app.js";
import { readMinerConfig } from "./config.js";

const STOP_GRACE_MS = 10_000;

/** Prints one line of JSON when all miners are on chain; ends by SIGTERM or SIGINT. */
async function main(): Promise<void> {
  const app = await createApp(readMinerConfig(process.env));
  let isStopping = false;
  const stop = async (): Promise<void> => {
    if (isStopping) return;
    isStopping = true;
    setTimeout(() => process.exit(1), STOP_GRACE_MS).unref();
    await app.stop();
    process.exit(0);
  };
  process.on("SIGTERM", stop);
  process.on("SIGINT", stop);
  await app.host.start();
  if (isStopping) return;
  const miners = app.host.miners.map(({ account, endpoint }) => ({ account, endpoint }));
  console.log(JSON.stringify({ event: "ready", adminUrl: app.control.url, miners }));
}

main().catch((error: unknown) => {
  const { code, message } = asCodedError(error);
  console.error(JSON.stringify({ level: "error", message: "the miners did not start", code, reason: message }));
  process.exit(1);
});
