import { rules } from "../pallet/index.js";
import { pallets } from "../shape/index.js";
import type { Overlay } from "../store/overlay.js";
import { encode, type Hex } from "./codec.js";
import { type Call, type Context, type DispatchError, DispatchFailure, type Handler, type Origin } from "./dispatch.js";

import { type Runtime, runtimeIn } from "./runtime.js";

type Phase = "Initialization" | "Finalization" | { readonly type: "ApplyExtrinsic"; readonly value: number };

interface EventRecord {
  readonly phase: Phase;
  readonly event: { readonly type: string; readonly value: { readonly type: string; readonly value: unknown } };
  readonly topics: readonly Hex[];
}

const handlers = new Map<string, Handler>(
  rules.flatMap(({ name, calls }) => Object.entries(calls).map(([call, run]) => [`${name}.${call}`, run] as const)),
);

/** Fails at start where a call is described but has no rule, or the other way round. */
export function checkRulesMatchShapes(): void {
  const described = pallets.flatMap(({ name, calls }) => Object.keys(calls).map((call) => `${name}.${call}`));
  const odd = [...described, ...handlers.keys()].filter((call) => !handlers.has(call) || !described.includes(call));
  if (odd.length > 0) throw new Error(`calls with only a shape or only a rule: ${odd.join(", ")}`);
}

/** One block's run: the state it writes and the events it emits. */
export class Execution {
  /** SCALE bytes of each event: encoded when emitted, so that a malformed one fails its call and not the block. */
  readonly records: Uint8Array[] = [];
  phase: Phase = "Initialization";
  private readonly runtime: Runtime;

  constructor(
    readonly state: Overlay,
    private readonly block: number,
    private readonly parentHash: Hex,
    private readonly onBug: (error: unknown) => void,
  ) {
    this.runtime = runtimeIn(state);
  }

  context(origin: Origin): Context {
    return {
      state: this.state,
      block: this.block,
      parentHash: this.parentHash,
      origin,
      emit: (pallet, event, fields = {}) => this.emit(pallet, event, fields),
      dispatch: (call, as) => this.dispatch(call, as),
    };
  }

  /** What a pallet does at the beginning of a block happens whole or not at all, and never stops the chain. */
  initialize(): void {
    const context = this.context({ type: "none" });
    for (const { initialize } of rules) {
      if (initialize === undefined) continue;
      const eventsBefore = this.records.length;
      try {
        this.state.transaction(() => initialize(context));
      } catch (error) {
        this.records.length = eventsBefore;
        this.onBug(error);
      }
    }
  }

  /** @returns null where the call succeeded; otherwise nothing of it is left but the error */
  dispatch(call: Call, origin: Origin): DispatchError | null {
    const run = handlers.get(`${call.type}.${call.value.type}`);
    if (run === undefined) return "Other";
    const eventsBefore = this.records.length;
    try {
      this.state.transaction(() => run(this.context(origin), call.value.value));
      return null;
    } catch (error) {
      this.records.length = eventsBefore;
      if (error instanceof DispatchFailure) return error.error;
      this.onBug(error);
      return "Other";
    }
  }

  private emit(pallet: string, event: string, fields: Readonly<Record<string, unknown>>): void {
    const record: EventRecord = {
      phase: this.phase,
      event: { type: pallet, value: { type: event, value: fields } },
      topics: [],
    };
    const bytes = encode("EventRecord", record);
    const shift = this.runtime.eventShift(pallet);
    // The number of the event follows that of its pallet, which follows the phase.
    const place = encode("Phase", record.phase).length + 1;
    bytes[place] = (bytes[place] as number) + shift;
    this.records.push(bytes);
  }
}
