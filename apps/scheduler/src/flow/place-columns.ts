import type { Random } from "@granary/domain/miner";
import type { AccountId, UploadId } from "@granary/primitives";
import type { Clock, DealStore, LockedDeal, MinerPool, Observer, PickKind } from "../ports.js";
import { type Assignment, type Assignments, type ChooseRules, chooseMiners, type Situation } from "./choose-miners.js";
import { type Round, type SendPorts, type SendRules, sendColumns } from "./send-columns.js";

export interface PlacePorts extends Omit<SendPorts, "chooseRival"> {
  readonly deals: Pick<DealStore, "tryChange" | "change" | "attempts" | "renewColumns">;
  readonly miners: Pick<MinerPool, "view" | "reportsOf">;
  readonly clock: Clock;
  readonly random: Random;
  readonly observer: Pick<Observer, "relaxed" | "picked" | "decided" | "refusedMiners"> & SendPorts["observer"];
}

export interface PlaceRules extends ChooseRules, SendRules {
  /** How long a deal may lack miners before it has failed. */
  readonly placementPatienceMs: number;
}

/** Pause before a column without a miner is looked at again. */
const SHORTFALL_PAUSE_MS = { least: 2_000, most: 30_000 };

/**
 * One round: gives every column that waits to a miner, under the deal's row lock, and sends them. A column whose miner
 * fails waits again, for a round that may begin while this one is still sending.
 */
export async function placeColumns(
  ports: PlacePorts,
  rules: PlaceRules,
  uploadId: UploadId,
  stopping: AbortSignal,
): Promise<"sent" | "nothing-due"> {
  const [miners, attempts] = await Promise.all([ports.miners.view(), ports.deals.attempts(uploadId)]);
  const round = await ports.deals.tryChange(uploadId, async (deal): Promise<Round | null> => {
    if (deal.record.deal.state !== "placing") return null;
    const now = ports.clock();
    const due = deal.record.deal.columns.filter((column) => column.state === "pending" && column.notBefore <= now);
    if (due.length === 0) return null;
    const { random } = ports;
    const choice = await chooseClaimed(ports, rules, deal, { record: deal.record, due, attempts, miners, now, random });
    assign(ports, deal, choice.chosen, now + rules.leaseMs);
    if (choice.left.length > 0) postpone(ports, rules, deal, choice);
    else if (deal.record.obstacle !== null) deal.setObstacle(null);
    return { record: deal.record, columns: choice.chosen };
  });
  if (round === null || round.columns.length === 0) return "nothing-due";
  const rival = (index: number) => chooseRival(ports, rules, uploadId, index);
  await sendColumns({ ...ports, chooseRival: rival }, rules, round, stopping);
  return "sent";
}

/**
 * A choice whose probes are this deal's alone. `miners` was read before the deal was locked: a miner that may have one column
 * only can have been given it since, by a deal that another replica places; then others are chosen.
 */
async function chooseClaimed(
  { observer }: PlacePorts,
  rules: ChooseRules,
  deal: LockedDeal,
  situation: Situation,
): Promise<Assignments> {
  const probed = new Set<AccountId>();
  for (;;) {
    const begunAt = performance.now();
    const choice = chooseMiners(rules, { ...situation, probed });
    observer.decided((performance.now() - begunAt) / 1000);
    const probes = choice.chosen.flatMap(({ miner, reason }) => (reason.isProbe ? [miner] : []));
    const ours = probes.length === 0 ? probed : await deal.claimProbes(probes);
    const lost = probes.filter((miner) => !ours.has(miner));
    if (lost.length === 0) return choice;
    for (const miner of lost) probed.add(miner);
  }
}

/** A second miner for a column that is late, by the same rules as the first; null when there is none, or no need. */
async function chooseRival(
  ports: PlacePorts,
  rules: PlaceRules,
  uploadId: UploadId,
  index: number,
): Promise<Assignment | null> {
  const [miners, attempts] = await Promise.all([ports.miners.view(), ports.deals.attempts(uploadId)]);
  return ports.deals.tryChange(uploadId, async (deal) => {
    const { record } = deal;
    const column = record.deal.columns[index - 1];
    if (record.deal.state !== "placing" || column?.state !== "sending" || column.rival !== undefined) return null;
    const now = ports.clock();
    const { random } = ports;
    const rivalOf = column.miner;
    const situation = { record, due: [column], attempts, miners, rivalOf, now, random };
    const [chosen] = (await chooseClaimed(ports, rules, deal, situation)).chosen;
    if (chosen === undefined) return null;
    const { miner, relaxations, reason } = chosen;
    deal.apply({ kind: "hedged", index, miner, leaseUntil: now + rules.leaseMs, relaxations });
    deal.explain(index, reason);
    notePick(ports, chosen);
    return chosen;
  });
}

function assign(ports: PlacePorts, deal: LockedDeal, chosen: readonly Assignment[], leaseUntil: number): void {
  for (const { index, miner, reason, relaxations } of chosen) {
    deal.apply({ kind: "assigned", index, miner, leaseUntil, relaxations });
    deal.explain(index, reason);
  }
  for (const assignment of chosen) notePick(ports, assignment);
}

function notePick({ observer }: PlacePorts, { reason, relaxations }: Assignment): void {
  observer.picked(pickKindOf(reason));
  for (const dimension of relaxations) observer.relaxed(dimension);
}

const pickKindOf = ({ isProbe, isExploration, isPreferred }: Assignment["reason"]): PickKind =>
  isProbe ? "probe" : isExploration ? "exploration" : isPreferred ? "preferred" : "drawn";

/**
 * Columns for which there is nobody wait; what stands against all others is noted, so that the deal can be asked why. A
 * deal that has waited for longer than its patience has failed, and an operator may take it up again.
 */
function postpone(ports: PlacePorts, rules: PlaceRules, deal: LockedDeal, choice: Assignments): void {
  const now = ports.clock();
  const { uploadId, since } = deal.record;
  const { least, most } = SHORTFALL_PAUSE_MS;
  const notBefore = Math.min(now + most, Math.max(now + least, choice.retryAt ?? now + most / 2));
  for (const index of choice.left) deal.apply({ kind: "postponed", index, notBefore });
  ports.observer.refusedMiners(choice.refused, choice.left.length);
  const against = Object.entries(choice.refused).filter(([, count]) => count > 0);
  const counts = against.map(([reason, count]) => `${reason} ${count}`).join(", ") || "nobody is known";
  const obstacle = { code: "MINERS_NOT_ENOUGH", reason: `${choice.left.length} columns have no miner: ${counts}` };
  deal.setObstacle(obstacle);
  ports.log.warn("there are not enough miners for all columns of a deal", { uploadId, ...obstacle });
  const hasWaitedEnough = now - since > rules.placementPatienceMs && choice.chosen.length === 0;
  if (hasWaitedEnough) deal.apply({ kind: "failed", failure: obstacle });
}
