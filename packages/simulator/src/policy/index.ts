import type { MinerPolicy } from "@granary/domain/miner";
import { granaryPolicy } from "./granary.js";
import { siaPolicy, storjPolicy } from "./learning.js";
import type { PlacementPolicy, PolicyWorld } from "./policy.js";
import { deossPolicy, oraclePolicy, p2cPolicy, randomPolicy } from "./simple.js";

export const policyNames = ["granary", "storj-like", "deoss-like", "random", "p2c", "sia-like", "oracle"] as const;
export type PolicyName = (typeof policyNames)[number];

export function createPolicy(name: PolicyName, world: PolicyWorld, minerPolicy?: MinerPolicy): PlacementPolicy {
  switch (name) {
    case "granary":
      return granaryPolicy(world, minerPolicy);
    case "storj-like":
      return storjPolicy(world);
    case "deoss-like":
      return deossPolicy(world);
    case "random":
      return randomPolicy(world);
    case "p2c":
      return p2cPolicy(world);
    case "sia-like":
      return siaPolicy(world);
    case "oracle":
      return oraclePolicy(world);
  }
}
