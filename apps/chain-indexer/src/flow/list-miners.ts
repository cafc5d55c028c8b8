import type { InputOf, OutputOf } from "@granary/contracts";
import type { IndexerPorts } from "../ports.js";

type Ports = Pick<IndexerPorts, "mirror">;

export async function listMiners(
  { mirror }: Ports,
  { after, count }: InputOf<"chainMinersList">,
): Promise<OutputOf<"chainMinersList">> {
  const miners = await mirror.miners(after, count);
  return { miners: [...miners], next: miners.length === count ? (miners.at(-1)?.account ?? null) : null };
}

export async function findMiners(
  { mirror }: Ports,
  { accounts }: InputOf<"chainMinersFind">,
): Promise<OutputOf<"chainMinersFind">> {
  return { miners: [...(await mirror.minersOf(accounts)).values()] };
}
