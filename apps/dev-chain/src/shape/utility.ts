import type { PalletShape } from "./shape.js";

export const utility: PalletShape = {
  name: "Utility",
  index: 1,
  module: "pallet_utility::pallet",
  calls: {
    batch: [0, { calls: "Vec<RuntimeCall>" }],
    batch_all: [2, { calls: "Vec<RuntimeCall>" }],
    force_batch: [4, { calls: "Vec<RuntimeCall>" }],
  },
  events: {
    BatchInterrupted: [0, { index: "u32", error: "DispatchError" }],
    BatchCompleted: [1, {}],
    BatchCompletedWithErrors: [2, {}],
    ItemCompleted: [3, {}],
    ItemFailed: [4, { error: "DispatchError" }],
    DispatchedAs: [5, { result: "Result<(), DispatchError>" }],
  },
  errors: ["TooManyCalls"],
  storage: {},
  constants: { batched_calls_limit: ["u32", 10_922] },
};
