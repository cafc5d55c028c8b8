// A service for tests of supervision: ready after a moment, and as obedient as MANNER says.
import { createServer } from "node:http";

const manner = process.env.MANNER;
if (manner === "fails") {
  console.error("the configuration is wrong");
  process.exit(3);
}
let asked = 0;
const server = createServer((request, response) => {
  if (request.url === "/exit") process.exit(7);
  asked += 1;
  response.statusCode = request.url === "/ready" && asked > 3 ? 200 : 503;
  response.end(JSON.stringify({ asked, secret: process.env.SUPERVISOR_SECRET ?? null }));
});
server.listen(Number(process.env.PORT), "127.0.0.1");
process.on("SIGTERM", () => {
  if (manner !== "stubborn") server.close(() => process.exit(0));
});
