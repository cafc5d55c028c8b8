import { defaulted, type PalletShape } from "./shape.js";

export const timestamp: PalletShape = {
  name: "Timestamp",
  index: 3,
  module: "pallet_timestamp::pallet",
  calls: {
    set: [0, { now: "Compact<u64>" }],
  },
  events: {},
  errors: [],
  storage: {
    Now: defaulted("u64"),
    DidUpdate: defaulted("bool"),
  },
  constants: {
    MinimumPeriod: ["u64", 3000n],
  },
};
