import { ApiPromise, Keyring, WsProvider } from "@polkadot/api";
import type { ApiOptions, SubmittableExtrinsic } from "@polkadot/api/types";
import type { KeyringPair } from "@polkadot/keyring/types";

import type { ISubmittableResult } from "@polkadot/types/types";

/** What any application has: the unmodified client library, and keys. */
export const connect = (url: string): Promise<ApiPromise> =>
  ApiPromise.create({ provider: new WsProvider(url) as NonNullable<ApiOptions["provider"]>, noInitWarn: true });

/** A call by its name, e.g. `oss.authorize`: the client builds its functions from metadata, so types do not know them. */
export function call(api: ApiPromise, name: string, ...args: readonly unknown[]): Transaction {
  const [section, method] = name.split(".") as [string, string];
  const make = api.tx[section]?.[method];
  if (make === undefined) throw new Error(`the client knows no call ${name}`);
  return make(...args);
}

/** A stored value by its name, as JSON, at the newest block or at a given one. */
export async function read<T>(api: ApiPromise, name: string, args: readonly unknown[] = [], at?: string): Promise<T> {
  const [section, item] = name.split(".") as [string, string];
  const { query } = at === undefined ? api : await api.at(at);
  const ask = query[section]?.[item];
  if (ask === undefined) throw new Error(`the client knows no storage ${name}`);
  return (await ask(...args)).toJSON() as T;
}

export async function freeOf(api: ApiPromise, address: string, at?: string): Promise<bigint> {
  const account = await read<{ data: { free: string | number } }>(api, "system.account", [address], at);
  return BigInt(account.data.free);
}

const keyring = () => new Keyring({ type: "sr25519", ss58Format: 11330 });
export const key = (uri: string): KeyringPair => keyring().addFromUri(uri);

export interface Sent {
  readonly statuses: readonly string[];
  readonly events: readonly string[];
  readonly error: string | undefined;
  readonly blockHash: string;
  readonly result: ISubmittableResult;
}

type Transaction = SubmittableExtrinsic<"promise">;

/** Signs, sends, and waits for finality. */
export function send(api: ApiPromise, transaction: Transaction, who: KeyringPair, options = {}): Promise<Sent> {
  return new Promise((resolve, reject) => {
    const statuses: string[] = [];
    transaction
      .signAndSend(who, options, (result) => {
        const { status, events, dispatchError } = result;
        statuses.push(status.type);
        if (result.isError && !status.isFinalized) reject(new Error(`the transaction ended as ${status.type}`));
        if (!status.isFinalized) return;
        const meta = dispatchError?.isModule ? api.registry.findMetaError(dispatchError.asModule) : undefined;
        resolve({
          statuses,
          events: events.map(({ event }) => `${event.section}.${event.method}`),
          error: meta === undefined ? dispatchError?.toString() : `${meta.section}.${meta.name}`,
          blockHash: status.asFinalized.toHex(),
          result,
        });
      })
      .catch(reject);
  });
}

/** Asks again until the answer satisfies, at most for so long. */
export async function eventually<T>(
  ask: () => Promise<T> | T,
  satisfies: (answer: T) => boolean,
  withinMs = 120_000,
): Promise<T> {
  const until = Date.now() + withinMs;
  for (;;) {
    const answer = await ask();
    if (satisfies(answer)) return answer;
    if (Date.now() > until) throw new Error(`still ${JSON.stringify(answer)} after ${withinMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
