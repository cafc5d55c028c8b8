import { type Signer, signMessage } from "@granary/chain-client";
import { createMinerClient } from "@granary/miner-client";
import type { MinerGate } from "../ports.js";

/** The miners of the real network, by their HTTP protocol. */
export function createMinerGate(options: {
  readonly signer: Signer;
  readonly allowPrivateAddresses: boolean;
}): MinerGate & { close(): Promise<void> } {
  const { signer, allowPrivateAddresses } = options;
  const sign = (message: string) => signMessage(signer, message);
  const client = createMinerClient({ signer: { account: signer.account, sign }, allowPrivateAddresses });
  return {
    put: (request) => client.putFragment(request),
    async ping(endpoint) {
      await client.ping({ endpoint });
    },
    close: () => client.close(),
  };
}
