import { parseArgs } from "node:util";
import { readConfig } from "./config.js";
import { createDevChain } from "./dev-chain.js";

/** `--spec PATH` says the same as DEV_CHAIN_SPEC, and more loudly. */
function environment() {
  const { values } = parseArgs({ options: { spec: { type: "string" } } });
  return { ...process.env, ...(values.spec === undefined ? {} : { DEV_CHAIN_SPEC: values.spec }) };
}

/** Prints one line of JSON when clients can connect; ends by SIGTERM or SIGINT. */
async function main(): Promise<void> {
  const chain = await createDevChain({
    ...readConfig(environment()),
    onFatal: () => process.exit(1),
  });
  const stop = async () => {
    await chain.close();
    process.exit(0);
  };
  process.once("SIGTERM", stop);
  process.once("SIGINT", stop);
  await chain.start();
  const { url, genesisHash, height } = chain;
  console.log(JSON.stringify({ event: "ready", url, genesisHash, height }));
}

main().catch((error: unknown) => {
  console.error(JSON.stringify({ level: "error", message: "the chain did not start", error: String(error) }));
  process.exit(1);
});
