import { afterAll, beforeAll, expect, it } from "@jest/globals";
import { createClient, type PolkadotClient, type TxEvent } from "polkadot-api";
import { getPolkadotSigner } from "polkadot-api/signer";
import { getWsProvider } from "polkadot-api/ws";
import WebSocket from "ws";
import { createDevChain, type DevChain, TCESS } from "../src/index.js";
import { eventually, key } from "./client.js";

let chain: DevChain;
let client: PolkadotClient;
const bob = () => key("//Bob");
const signer = () => getPolkadotSigner(bob().publicKey, "Sr25519", (message) => bob().sign(message));

beforeAll(async () => {
  const miners = [{ account: "//Miner", endpoint: "http://127.0.0.1:1", idleGib: 16 }];
  chain = await createDevChain({ seal: "instant", finalityMs: 30, genesis: { miners } });
  await chain.start();
  client = createClient(getWsProvider(chain.url, { websocketClass: WebSocket as never }));
});
afterAll(async () => {
  client.destroy();
  await chain.close();
});

/** Without generated types: what there is comes from the chain's metadata. */
const api = () => client.getUnsafeApi();
const freeIn = (account: unknown): bigint => (account as { data: { free: bigint } }).data.free;
const freeOf = async (address: string): Promise<bigint> => freeIn(await api().query.System!.Account!.getValue(address));

it("polkadot-api transfers, and is told what came of it", async () => {
  const to = key("//Newcomer").address;
  const statuses: TxEvent["type"][] = [];
  const transfer = api().tx.Balances!.transfer_keep_alive!({
    dest: { type: "Id", value: to },
    value: 7n * TCESS,
  });
  await new Promise<void>((resolve, reject) => {
    transfer.signSubmitAndWatch(signer()).subscribe({
      next: (event) => void statuses.push(event.type),
      error: reject,
      complete: resolve,
    });
  });
  expect(statuses).toEqual(expect.arrayContaining(["signed", "broadcasted", "txBestBlocksState", "finalized"]));
  expect(await freeOf(to)).toBe(7n * TCESS);
});

it("polkadot-api is told why a call failed", async () => {
  const { ok, dispatchError } = await api().tx.Oss!.destroy!({}).signAndSubmit(signer());
  expect(ok).toBe(false);
  expect(dispatchError).toMatchObject({ type: "Module", value: { type: "Oss", value: { type: "UnRegister" } } });
});

it("polkadot-api buys a territory, finds it, and reads what it cost", async () => {
  const args = { gib_count: 2, territory_name: new TextEncoder().encode("home"), days: 30 };
  const bought = await api().tx.StorageHandler!.mint_territory!(args).signAndSubmit(signer());
  expect(bought.ok).toBe(true);
  const minted = bought.events.find(({ type, value }) => type === "StorageHandler" && value.type === "MintTerritory");
  expect(minted?.value.value).toMatchObject({ spend: 60n * TCESS, storage_capacity: 2n << 30n });
  const territory = await api().query.StorageHandler!.Territory!.getValue(bob().address, args.territory_name);
  expect(territory).toMatchObject({ total_space: 2n << 30n, state: { type: "Active" } });
});

it("polkadot-api follows a value and the finalized blocks", async () => {
  const seen: bigint[] = [];
  const heights: number[] = [];
  const value = api()
    .query.System!.Account!.watchValue(key("//Watched").address, { at: "best" })
    .subscribe((account) => seen.push(freeIn(account.value)));
  const blocks = client.finalizedBlock$.subscribe(({ number }) => heights.push(number));
  await eventually(
    () => seen.length,
    (count) => count > 0,
  );
  const dest = { type: "Id", value: key("//Watched").address };
  await api().tx.Balances!.transfer_keep_alive!({ dest, value: 3n * TCESS }).signAndSubmit(signer());
  await eventually(
    () => seen.at(-1),
    (free) => free === 3n * TCESS,
  );
  await eventually(
    () => heights.at(-1),
    (height) => height === chain.height,
  );
  value.unsubscribe();
  blocks.unsubscribe();
});
