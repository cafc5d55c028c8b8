import { optional, type PalletShape } from "./shape.js";

export const sudo: PalletShape = {
  name: "Sudo",
  index: 22,
  module: "pallet_sudo::pallet",
  calls: {
    sudo: [0, { call: "RuntimeCall" }],
    sudo_unchecked_weight: [1, { call: "RuntimeCall", weight: "Weight" }],
    set_key: [2, { new: "MultiAddress" }],
    sudo_as: [3, { who: "MultiAddress", call: "RuntimeCall" }],
    remove_key: [4, {}],
  },
  events: {
    Sudid: [0, { sudo_result: "Result<(), DispatchError>" }],
    KeyChanged: [1, { old: "Option<AccountId32>", new: "AccountId32" }],
    KeyRemoved: [2, {}],
    SudoAsDone: [3, { sudo_result: "Result<(), DispatchError>" }],
  },
  errors: ["RequireSudo"],
  storage: { Key: optional("AccountId32") },
  constants: {},
};
