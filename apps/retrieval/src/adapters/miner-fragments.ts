import type { MinerClient } from "@granary/miner-client";
import type { FragmentSource } from "../ports.js";

/** Fragments by the miner client, which checks each against its hash. */
export function createMinerFragments(client: Pick<MinerClient, "getFragment">): FragmentSource {
  return { fetch: async (request) => void (await client.getFragment(request)) };
}
