import { failWith, handler, type Pallet } from "../engine/dispatch.js";
import { stored } from "../engine/storage.js";

export const now = stored<bigint>("Timestamp", "Now");

export const timestamp: Pallet = {
  name: "Timestamp",
  calls: {
    /** Inherent: only the block's author says what time it is. */
    set: handler((context, args: { now: bigint }) => {
      if (context.origin.type !== "none") failWith("BadOrigin");
      now.put(context.state, args.now);
    }),
  },
};
