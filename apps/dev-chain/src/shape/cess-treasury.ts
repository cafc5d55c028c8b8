import { defaulted, defaultedMap, type PalletShape } from "./shape.js";

export const cessTreasury: PalletShape = {
  name: "CessTreasury",
  index: 100,
  module: "pallet_cess_treasury::pallet",
  calls: {
    send_funds_to_pid: [0, { funds: "u128" }],
    send_funds_to_sid: [1, { funds: "u128" }],
    pid_burn_funds: [2, { burn_amount: "u128" }],
    sid_burn_funds: [3, { burn_amount: "u128" }],
    pid_send_funds: [4, { acc: "AccountId32", funds: "u128" }],
    sid_send_funds: [5, { acc: "AccountId32", funds: "u128" }],
  },
  events: {
    Deposit: [0, { balance: "u128" }],
  },
  errors: ["Overflow", "Unexpected"],
  storage: {
    CurrencyReward: defaulted("u128"),
    EraReward: defaulted("u128"),
    ReserveReward: defaulted("u128"),
    RoundReward: defaultedMap("u32", "(u128, u128)"),
  },
  constants: {},
};
