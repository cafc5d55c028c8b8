import { defaultedMap, type PalletShape } from "./shape.js";

export const schedulerCredit: PalletShape = {
  name: "SchedulerCredit",
  index: 101,
  module: "pallet_scheduler_credit::pallet",
  calls: {},
  events: {},
  errors: ["Overflow", "PointOverflow"],
  storage: {
    CurrentCounters: defaultedMap("AccountId32", "SchedulerCounterEntry"),
    HistoryCreditValues: {
      value: "u32",
      keys: [
        { type: "u32", hasher: "Twox64Concat" },
        { type: "AccountId32", hasher: "Blake2_128Concat" },
      ],
      modifier: "Default",
    },
  },
  constants: {
    PeriodDuration: ["u32", 3_600],
  },
};
