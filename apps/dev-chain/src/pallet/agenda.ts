import { decode, encode, type Hex, textHex } from "../engine/codec.js";
import type { Call, Context, Pallet } from "../engine/dispatch.js";

/**
 * Calls that the chain itself will make, as root, at a block. The real one keeps them in pallet Scheduler, which is not
 * described here, so clients do not see them before they happen.
 */
const prefix = textHex(":granary:agenda:");
const keyOf = (id: Hex): Hex => `${prefix}${id.slice(2)}`;
type Entry = readonly [block: number, call: Call];
const entryType = "(u32, RuntimeCall)";

/** @param id one entry has it at a time: a second one replaces the first */
export function schedule(context: Context, id: Hex, block: number, call: Call): void {
  context.state.put(keyOf(id), encode(entryType, [block, call]));
}

export function cancel(context: Context, id: Hex): void {
  context.state.remove(keyOf(id));
}

/** A call that fails is gone like one that succeeds: nobody hears of it. */
function runDue(context: Context): void {
  for (const key of context.state.keys(prefix)) {
    const [block, call] = decode<Entry>(entryType, context.state.get(key)!);
    if (block > context.block) continue;
    context.state.remove(key);
    context.dispatch(call, { type: "root" });
  }
}

export const agenda: Pallet = { name: "Agenda", calls: {}, initialize: runDue };
