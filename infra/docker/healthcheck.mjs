// Whether the service in this container can do its work, asked at the port that its own settings name.
const { HTTP_PORT, MINER_ADMIN_PORT, DEV_CHAIN_PORT } = process.env;
const port = HTTP_PORT ?? MINER_ADMIN_PORT ?? DEV_CHAIN_PORT;
const path = port === DEV_CHAIN_PORT ? "/health" : "/ready";
try {
  const answer = await fetch(`http://127.0.0.1:${port}${path}`, { signal: AbortSignal.timeout(4_500) });
  console.log(answer.status, await answer.text());
  process.exitCode = answer.ok ? 0 : 1;
} catch (error) {
  console.log(String(error.cause ?? error));
  process.exitCode = 1;
}
