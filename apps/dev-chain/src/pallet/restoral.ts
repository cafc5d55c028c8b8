import type { Hex } from "../engine/codec.js";
import { type Context, ensure, fail, type Handler, handler, signer } from "../engine/dispatch.js";
import { storedMaybeMap } from "../engine/storage.js";
import { type Fragment, fileOf, files, pallet, type StoredFile } from "./file-store.js";
import {
  countBits,
  dropLockedSpace,
  dropServiceSpace,
  fragmentBytes,
  minerOf,
  miners,
  pendingReplacements,
  stateOf,
} from "./miner.js";
import { hasLeft, noteRestored } from "./miner-exit.js";

/** How a fragment that its miner lost, or that a miner took with it, comes to another miner. */
interface Order {
  readonly count: number;
  /** Who restores it now. */
  readonly miner: Hex;
  readonly originMiner: Hex;
  readonly fragmentHash: Hex;
  readonly fileHash: Hex;
  readonly genBlock: number;
  readonly deadline: number;
}
const orders = storedMaybeMap<[Hex], Order>(pallet, "RestoralOrder");
/** Blocks that a claim lasts; after it another miner may claim. */
const claimBlocks = 250;

function ensurePositive(context: Context): Hex {
  const miner = signer(context);
  ensure(stateOf(minerOf(context, miner)) === "positive", pallet, "MinerStateError");
  return miner;
}

const fragmentsOf = (file: StoredFile, hash: Hex): Fragment[] =>
  file.segmentList.flatMap(({ fragmentList }) => fragmentList.filter((fragment) => fragment.hash === hash));

/** Marks the fragment as not to be had from `holder`, and opens an order for it. */
function open(
  context: Context,
  holder: Hex,
  fileHash: Hex,
  fragmentHash: Hex,
  claim: Pick<Order, "miner" | "deadline">,
) {
  const file = fileOf(context, fileHash);
  const lost = fragmentsOf(file, fragmentHash).find(({ miner }) => miner === holder) ?? fail(pallet, "SpecError");
  lost.avail = false;
  files.put(context.state, fileHash, file);
  const order = { count: 0, originMiner: holder, fragmentHash, fileHash, genBlock: context.block, ...claim };
  orders.put(context.state, fragmentHash, order);
}

/** The miner says itself that it lost the fragment. */
function generate(context: Context, fileHash: Hex, fragmentHash: Hex): void {
  const miner = signer(context);
  ensure(!orders.has(context.state, fragmentHash), pallet, "Existed");
  open(context, miner, fileHash, fragmentHash, { miner, deadline: 0 });
  context.emit(pallet, "GenerateRestoralOrder", { miner, fragmentHash });
}

/** Open orders, and those whose claim has run out, go to whom claims them first. */
function claim(context: Context, fragmentHash: Hex): void {
  const miner = ensurePositive(context);
  const order = orders.find(context.state, fragmentHash) ?? fail(pallet, "NonExistent");
  ensure(context.block > order.deadline, pallet, "SpecError");
  const deadline = context.block + claimBlocks;
  orders.put(context.state, fragmentHash, { ...order, count: order.count + 1, deadline, miner });
  context.emit(pallet, "ClaimRestoralOrder", { miner, orderId: fragmentHash });
}

/** For a fragment of a miner that left: nobody else would order it. */
function claimOfGone(context: Context, gone: Hex, fileHash: Hex, fragmentHash: Hex): void {
  const miner = ensurePositive(context);
  ensure(!orders.has(context.state, fragmentHash), pallet, "Existed");
  ensure(hasLeft(context, gone), pallet, "NonExistent");
  open(context, gone, fileHash, fragmentHash, { miner, deadline: context.block + claimBlocks });
  context.emit(pallet, "ClaimRestoralOrder", { miner, orderId: fragmentHash });
}

/** The claimer has the fragment: it serves it now. An order of a file that is gone ends without an event. */
function complete(context: Context, fragmentHash: Hex): void {
  const miner = ensurePositive(context);
  const order = orders.find(context.state, fragmentHash) ?? fail(pallet, "NonExistent");
  ensure(order.miner === miner, pallet, "SpecError");
  ensure(context.block < order.deadline, pallet, "Expired");
  orders.remove(context.state, fragmentHash);
  const file = files.find(context.state, order.fileHash);
  if (file === undefined) return;
  const fragments = fragmentsOf(file, fragmentHash);
  ensure(!fragments.some((fragment) => fragment.miner === miner), pallet, "RulesNotAllowed");
  const fragment = fragments.find((one) => one.miner === order.originMiner);
  if (fragment !== undefined) {
    release(context, fragment);
    take(context, miner, fragment);
    files.put(context.state, order.fileHash, file);
  }
  context.emit(pallet, "RecoveryCompleted", { miner, orderId: fragmentHash });
}

function release(context: Context, { miner, hash, tag }: Fragment): void {
  if (hasLeft(context, miner)) noteRestored(context, miner, fragmentBytes);
  else if (tag !== null) dropServiceSpace(context, miner, [hash]);
  else dropLockedSpace(context, miner, fragmentBytes);
}

/** The new holder serves at once, without a tag report, out of its idle space. */
function take(context: Context, account: Hex, fragment: Fragment): void {
  const miner = minerOf(context, account);
  ensure(miner.idleSpace >= fragmentBytes, "Sminer", "Overflow");
  miner.idleSpace -= fragmentBytes;
  miner.serviceSpace += fragmentBytes;
  countBits(miner.serviceBloomFilter, fragment.hash, 1n);
  miners.put(context.state, account, miner);
  pendingReplacements.put(context.state, account, pendingReplacements.get(context.state, account) + fragmentBytes);
  Object.assign(fragment, { miner: account, tag: context.block, avail: true });
}

export const restoralCalls: Readonly<Record<string, Handler>> = {
  generate_restoral_order: handler((context, args: { fileHash: Hex; restoralFragment: Hex }) =>
    generate(context, args.fileHash, args.restoralFragment),
  ),
  claim_restoral_order: handler((context, { restoralFragment }: { restoralFragment: Hex }) =>
    claim(context, restoralFragment),
  ),
  claim_restoral_noexist_order: handler((context, args: { miner: Hex; fileHash: Hex; restoralFragment: Hex }) =>
    claimOfGone(context, args.miner, args.fileHash, args.restoralFragment),
  ),
  restoral_order_complete: handler((context, { fragmentHash }: { fragmentHash: Hex }) =>
    complete(context, fragmentHash),
  ),
};
