import { CodedError } from "@granary/primitives";

/** How a miner of the network behaves; "honest" mends it. */
export type MinerBehaviour = { readonly kind: string } & Readonly<Record<string, string | number>>;

export interface ControlledMiner {
  readonly account: string;
  readonly endpoint: string;
  readonly behaviour: MinerBehaviour;
  readonly counters: Readonly<Record<string, number>>;
}

/** Speaks to the control port of the process that hosts the miners. */
export function minerControl(url: string) {
  const call = async <T>(path: string, init?: RequestInit): Promise<T> => {
    const response = await fetch(`${url}${path}`, init);
    if (!response.ok) {
      throw new CodedError(
        "MINER_CONTROL_REFUSED",
        "unavailable",
        `${path}: ${response.status} ${await response.text()}`,
      );
    }
    return (await response.json()) as T;
  };
  return {
    list: async (): Promise<ControlledMiner[]> => (await call<{ miners: ControlledMiner[] }>("/miners")).miners,
    behave: (account: string, behaviour: MinerBehaviour): Promise<unknown> =>
      call(`/miners/${account}/behaviour`, {
        method: "PUT",
        headers: { "content-type": "application/json" },
        body: JSON.stringify(behaviour),
      }),
  };
}
