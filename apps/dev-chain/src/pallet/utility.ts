import { type Call, DispatchFailure, ensure, errorName, handler, type Pallet } from "../engine/dispatch.js";

interface Batch {
  readonly calls: readonly Call[];
}

const callsMax = 10_922;
const ensureNotTooMany = ({ calls }: Batch): void => ensure(calls.length <= callsMax, "Utility", "TooManyCalls");

export const utility: Pallet = {
  name: "Utility",
  calls: {
    /** Stops at the first failure, keeps what came before, and succeeds. */
    batch: handler((context, { calls }: Batch) => {
      ensureNotTooMany({ calls });
      for (const [index, call] of calls.entries()) {
        const error = context.dispatch(call, context.origin);
        if (error !== null) {
          context.emit("Utility", "BatchInterrupted", { index, error });
          return;
        }
        context.emit("Utility", "ItemCompleted");
      }
      context.emit("Utility", "BatchCompleted");
    }),
    /** All or nothing. */
    batch_all: handler((context, { calls }: Batch) => {
      ensureNotTooMany({ calls });
      for (const call of calls) {
        const error = context.dispatch(call, context.origin);
        if (error !== null) throw new DispatchFailure(error, errorName(error));
        context.emit("Utility", "ItemCompleted");
      }
      context.emit("Utility", "BatchCompleted");
    }),
    /** Goes on past failures. */
    force_batch: handler((context, { calls }: Batch) => {
      ensureNotTooMany({ calls });
      ensureNotTooMany({ calls });
      let hasFailed = false;
      for (const call of calls) {
        const error = context.dispatch(call, context.origin);
        hasFailed ||= error !== null;
        if (error === null) context.emit("Utility", "ItemCompleted");
        else context.emit("Utility", "ItemFailed", { error });
      }
      context.emit("Utility", hasFailed ? "BatchCompletedWithErrors" : "BatchCompleted");
    }),
  },
};
