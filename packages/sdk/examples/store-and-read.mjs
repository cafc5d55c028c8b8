// Stores an object, reads it back, whole and in part, and removes it:
//   GRANARY_GATEWAY_URL=http://127.0.0.1:8080 GRANARY_KEY=//Alice node packages/sdk/examples/store-and-read.mjs photos
import { createClient, loadSigner } from "@granary/sdk";

const [territory] = process.argv.slice(2);
const client = createClient({
  url: process.env.GRANARY_GATEWAY_URL,
  signer: await loadSigner(process.env.GRANARY_KEY),
});

const text = new TextEncoder().encode("What is written here lies on twelve miners, and four of them would do.");
const { fid } = await client.put(text, { name: "note.txt", territory, waitFor: "active" });
console.log(`stored as ${fid}: ${(await client.stat(fid)).state}`);

async function read(range) {
  const pieces = [];
  for await (const piece of await client.get(fid, { range })) pieces.push(piece);
  return Buffer.concat(pieces).toString();
}
console.log(await read());
console.log(await read({ start: 21, end: 42 }));

const names = (await client.list({ territory })).map(({ name }) => name);
console.log(`in ${territory}: ${names.join(", ")}`);
await client.remove(fid);
console.log("removed");
