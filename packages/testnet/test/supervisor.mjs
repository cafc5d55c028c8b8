// Starts the three servers in the folder given, says where they are, and waits to be killed. It runs the built package.
import { startNats, startPostgres, startRedis } from "@granary/testnet";

const folder = process.argv[2];
const servers = await Promise.all([
  startPostgres({ dataDir: `${folder}/postgres`, durable: false }),
  startNats({ dataDir: `${folder}/nats` }),
  startRedis({ dataDir: `${folder}/redis` }),
]);
console.log(JSON.stringify(Object.fromEntries(servers.map(({ name, url }) => [name, url]))));
setInterval(() => undefined, 60_000);
