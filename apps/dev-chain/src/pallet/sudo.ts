import type { Hex } from "../engine/codec.js";
import {
  accountOf,
  type Call,
  type Context,
  type DispatchError,
  ensure,
  handler,
  type MultiAddress,
  type Pallet,
  signer,
} from "../engine/dispatch.js";
import { storedMaybe } from "../engine/storage.js";

export const sudoKey = storedMaybe<Hex>("Sudo", "Key");

function ensureSudo(context: Context): Hex {
  const who = signer(context);
  ensure(sudoKey.find(context.state) === who, "Sudo", "RequireSudo");
  return who;
}

const resultOf = (error: DispatchError | null) =>
  error === null ? { type: "Ok", value: [] } : { type: "Err", value: error };

function asRoot(context: Context, call: Call): void {
  ensureSudo(context);
  const sudoResult = resultOf(context.dispatch(call, { type: "root" }));
  context.emit("Sudo", "Sudid", { sudoResult });
}

export const sudo: Pallet = {
  name: "Sudo",
  calls: {
    /** Succeeds even where the call inside fails: its error is in the event. */
    sudo: handler((context, { call }: { call: Call }) => asRoot(context, call)),
    sudo_unchecked_weight: handler((context, { call }: { call: Call }) => asRoot(context, call)),
    sudo_as: handler((context, { who, call }: { who: MultiAddress; call: Call }) => {
      ensureSudo(context);
      const sudoResult = resultOf(context.dispatch(call, { type: "signed", account: accountOf(who) }));
      context.emit("Sudo", "SudoAsDone", { sudoResult });
    }),
    set_key: handler((context, args: { new: MultiAddress }) => {
      const old = ensureSudo(context);
      const next = accountOf(args.new);
      sudoKey.put(context.state, next);
      context.emit("Sudo", "KeyChanged", { old, new: next });
    }),
    remove_key: handler((context) => {
      ensureSudo(context);
      sudoKey.remove(context.state);
      context.emit("Sudo", "KeyRemoved");
    }),
  },
};
