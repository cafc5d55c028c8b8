import { defaulted, type PalletShape } from "./shape.js";

export const transactionPayment: PalletShape = {
  name: "TransactionPayment",
  index: 7,
  module: "pallet_transaction_payment::pallet",
  calls: {},
  events: {
    TransactionFeePaid: [0, { who: "AccountId32", actual_fee: "u128", tip: "u128" }],
  },
  errors: [],
  storage: {
    NextFeeMultiplier: defaulted("FixedU128"),
    StorageVersion: defaulted("Releases"),
  },
  constants: {
    OperationalFeeMultiplier: ["u8", 5],
  },
};
