import { ApiPromise, WsProvider } from "@polkadot/api";
import type { ApiOptions, SubmittableExtrinsic } from "@polkadot/api/types";
import type { KeyringPair } from "@polkadot/keyring/types";
import { call, freeOf, key, read, type Sent, send } from "../client.js";
import { type Dialect, dialectOf } from "./dialect.js";

export interface Outcome {
  /** `pallet.Error`, or null where the call succeeded. */
  readonly error: string | null;
  /** `pallet.Event` of the pallets of storage, in order. */
  readonly events: readonly string[];
  /** Fields of the last event of a name, as JSON. */
  event<T>(name: string): T;
}

/** What paying, scheduling and rewarding emit besides differs from runtime to runtime and is nobody's rule here. */
const storagePallets = new Set(["audit", "fileBank", "oss", "sminer", "storageHandler", "teeWorker"]);

type Call = SubmittableExtrinsic<"promise">;

/** A chain as the scenarios see it: an address, the unmodified client, and `//Alice` who is sudo. */
export class ChainUnderTest {
  private constructor(
    readonly api: ApiPromise,
    readonly dialect: Dialect,
  ) {}

  static async connect(url: string): Promise<ChainUnderTest> {
    const api = await ApiPromise.create({
      provider: new WsProvider(url) as NonNullable<ApiOptions["provider"]>,
      noInitWarn: true,
      // A signed extension of old runtimes that carries nothing and that the client does not know.
      signedExtensions: { CheckMqSequence: { extrinsic: {}, payload: {} } },
    });
    return new ChainUnderTest(api, dialectOf(api));
  }

  close(): Promise<void> {
    return this.api.disconnect();
  }

  /** Runs a call, e.g. `oss.authorize`, signed by an account such as `//Bob`. */
  async run(who: string, name: string, ...args: readonly unknown[]): Promise<Outcome> {
    return outcomeOf(await this.send(who, this.call(name, ...args)));
  }

  /** As root: the error is the inner call's. */
  async root(name: string, ...args: readonly unknown[]): Promise<Outcome> {
    const sent = await this.send("//Alice", this.call("sudo.sudo", this.call(name, ...args)));
    const outcome = outcomeOf(sent);
    const sudid = sent.result.findRecord("sudo", "Sudid")?.event;
    return { ...outcome, error: outcome.error ?? this.errorIn(sudid?.data[0] as unknown as DispatchResult) };
  }

  call(name: string, ...args: readonly unknown[]): Call {
    return call(this.api, name, ...args);
  }

  /** Signed, sent, and final. */
  send(who: string, transaction: Call): Promise<Sent> {
    return send(this.api, transaction, keyOf(who));
  }

  read<T>(name: string, ...args: readonly unknown[]): Promise<T> {
    return read<T>(this.api, name, args);
  }

  freeOf(who: string): Promise<bigint> {
    return freeOf(this.api, addressOf(who));
  }

  /** Number of the newest block. */
  async height(): Promise<number> {
    return (await this.api.rpc.chain.getHeader()).number.toNumber();
  }

  /** Lets blocks go by until the newest is `height`, one transaction in each: the chain makes none without. */
  async reach(height: number): Promise<void> {
    while ((await this.height()) < height) await this.run("//Ferdie", "system.remark", "0x");
  }

  /** Writes the value of a storage entry as root, past all rules. */
  async overwrite(name: string, keys: readonly unknown[], value: Uint8Array): Promise<void> {
    const [section, item] = name.split(".") as [string, string];
    const place = this.api.query[section]![item]!.key(...keys);
    const hex = `0x${Buffer.from(value).toString("hex")}`;
    const { error } = await this.root("system.setStorage", [[place, hex]]);
    if (error !== null) throw new Error(`${name} cannot be written: ${error}`);
  }

  private errorIn(result: DispatchResult | undefined): string | null {
    if (result === undefined || result.isOk) return null;
    if (!result.asErr.isModule) return result.asErr.toString();
    const { section, name } = this.api.registry.findMetaError(result.asErr.asModule as never);
    return `${section}.${name}`;
  }
}

interface DispatchResult {
  readonly isOk: boolean;
  readonly asErr: { readonly isModule: boolean; readonly asModule: unknown };
}

function outcomeOf({ error, result }: Sent): Outcome {
  const emitted = result.events.map(({ event }) => event).filter(({ section }) => storagePallets.has(section));
  const named = emitted.map(({ section, method }) => `${section}.${method}`);
  return {
    error: error ?? null,
    events: named,
    event<T>(name: string): T {
      const event = emitted[named.lastIndexOf(name)];
      if (event === undefined) throw new Error(`no event ${name} among ${named.join(", ") || "none"}`);
      const names = event.data.names ?? [];
      return Object.fromEntries(event.data.map((field, i) => [names[i] ?? i, field.toJSON()])) as T;
    },
  };
}

const keys = new Map<string, KeyringPair>();
/** Deriving a key takes milliseconds, and scenarios ask often. */
function keyOf(who: string): KeyringPair {
  const known = keys.get(who) ?? key(who);
  keys.set(who, known);
  return known;
}
export const addressOf = (who: string): string => keyOf(who).address;
export const publicKeyOf = (who: string): Uint8Array => keyOf(who).publicKey;
export const signWith = (who: string, message: Uint8Array): Uint8Array => keyOf(who).sign(message);
