import type { Hex } from "../engine/codec.js";
import {
  accountOf,
  type Context,
  ensure,
  ensureRoot,
  failWith,
  handler,
  type MultiAddress,
  type Pallet,
  signer,
} from "../engine/dispatch.js";
import { stored } from "../engine/storage.js";
import { TCESS } from "../shape/version.js";
import { type AccountInfo, accountAt, accounts } from "./system.js";

export const existentialDeposit = TCESS;
export const totalIssuance = stored<bigint>("Balances", "TotalIssuance");

/** The account of a pallet: "modl", its eight letters, and zeros. */
export const palletAccount = (id: string): Hex =>
  `0x${Buffer.from(`modl${id}`, "ascii").toString("hex").padEnd(64, "0")}`;

/**
 * The one place where balances change. An account lives while what it has is at least the existential deposit; one
 * that falls below is removed, with its nonce, and the rest is lost.
 */
function change(context: Context, who: Hex, apply: (account: AccountInfo) => void): void {
  const account = accountAt(context.state, who);
  const wasAlive = account.providers > 0;
  apply(account);
  const { data } = account;
  const total = data.free + data.reserved;
  const isAlive = total >= existentialDeposit;
  if (isAlive) {
    account.providers = 1;
    account.consumers = data.reserved > 0n ? 1 : 0;
    accounts.put(context.state, who, account);
    if (!wasAlive) {
      context.emit("System", "NewAccount", { account: who });
      context.emit("Balances", "Endowed", { account: who, freeBalance: data.free });
    }
    return;
  }
  accounts.remove(context.state, who);
  if (!wasAlive) return;
  context.emit("System", "KilledAccount", { account: who });
  if (total > 0n) {
    context.emit("Balances", "DustLost", { account: who, amount: total });
    issue(context, -total);
  }
}

function issue(context: Context, amount: bigint): void {
  totalIssuance.put(context.state, totalIssuance.get(context.state) + amount);
}

export const freeOf = (context: Context, who: Hex): bigint => accountAt(context.state, who).data.free;

type Keep = "alive" | "may-die";

/** What can leave the free balance. An account with a reserve cannot die, so it keeps the deposit. */
function spendable(account: AccountInfo, keep: Keep): bigint {
  const { free, frozen, reserved } = account.data;
  const mustStay = keep === "alive" || reserved > 0n;
  const bound = mustStay && frozen < existentialDeposit ? existentialDeposit : frozen;
  return free > bound ? free - bound : 0n;
}

export function transfer(context: Context, from: Hex, to: Hex, amount: bigint, keep: Keep): void {
  const source = accountAt(context.state, from);
  if (amount > source.data.free) failWith({ type: "Token", value: "FundsUnavailable" });
  if (amount > spendable(source, keep))
    failWith({ type: "Token", value: keep === "alive" ? "NotExpendable" : "FundsUnavailable" });
  if (from !== to && amount > 0n) {
    const target = accountAt(context.state, to);
    if (target.providers === 0 && amount < existentialDeposit) failWith({ type: "Token", value: "BelowMinimum" });
    change(context, from, ({ data }) => {
      data.free -= amount;
    });
    change(context, to, ({ data }) => {
      data.free += amount;
    });
  }
  context.emit("Balances", "Transfer", { from, to, amount });
}

/** Takes from the free balance and destroys it. @returns false where there is not enough to stay alive after it */
export function withdraw(context: Context, who: Hex, amount: bigint): boolean {
  if (amount > spendable(accountAt(context.state, who), "alive")) return false;
  change(context, who, ({ data }) => {
    data.free -= amount;
  });
  issue(context, -amount);
  context.emit("Balances", "Withdraw", { who, amount });
  return true;
}

export function mint(context: Context, who: Hex, amount: bigint): void {
  change(context, who, ({ data }) => {
    data.free += amount;
  });
  issue(context, amount);
}

export function reserve(context: Context, who: Hex, amount: bigint): void {
  const account = accountAt(context.state, who);
  ensure(amount <= spendable(account, "alive"), "Balances", "InsufficientBalance");
  change(context, who, ({ data }) => {
    data.free -= amount;
    data.reserved += amount;
  });
  context.emit("Balances", "Reserved", { who, amount });
}

/** Frees at most what is reserved. */
export function unreserve(context: Context, who: Hex, amount: bigint): void {
  const { reserved } = accountAt(context.state, who).data;
  const freed = amount < reserved ? amount : reserved;
  change(context, who, ({ data }) => {
    data.reserved -= freed;
    data.free += freed;
  });
  context.emit("Balances", "Unreserved", { who, amount: freed });
}

interface Transfer {
  readonly dest: MultiAddress;
  readonly value: bigint;
}

export const balances: Pallet = {
  name: "Balances",
  calls: {
    transfer_allow_death: handler((context, { dest, value }: Transfer) => {
      transfer(context, signer(context), accountOf(dest), value, "may-die");
    }),
    transfer_keep_alive: handler((context, { dest, value }: Transfer) => {
      transfer(context, signer(context), accountOf(dest), value, "alive");
    }),
    force_transfer: handler((context, { source, dest, value }: Transfer & { source: MultiAddress }) => {
      ensureRoot(context);
      transfer(context, accountOf(source), accountOf(dest), value, "may-die");
    }),
    transfer_all: handler((context, { dest, keepAlive }: { dest: MultiAddress; keepAlive: boolean }) => {
      const from = signer(context);
      const keep = keepAlive ? "alive" : "may-die";
      transfer(context, from, accountOf(dest), spendable(accountAt(context.state, from), keep), keep);
    }),
    force_unreserve: handler((context, { who, amount }: { who: MultiAddress; amount: bigint }) => {
      ensureRoot(context);
      unreserve(context, accountOf(who), amount);
    }),
    force_set_balance: handler((context, { who, newFree }: { who: MultiAddress; newFree: bigint }) => {
      ensureRoot(context);
      const account = accountOf(who);
      const free = newFree < existentialDeposit ? 0n : newFree;
      issue(context, free - accountAt(context.state, account).data.free);
      change(context, account, ({ data }) => {
        data.free = free;
      });
      context.emit("Balances", "BalanceSet", { who: account, free });
    }),
    force_adjust_total_issuance: handler(
      (context, { direction, delta }: { direction: "Increase" | "Decrease"; delta: bigint }) => {
        ensureRoot(context);
        ensure(delta > 0n, "Balances", "DeltaZero");
        const old = totalIssuance.get(context.state);
        const lowered = old > delta ? old - delta : 0n;
        totalIssuance.put(context.state, direction === "Increase" ? old + delta : lowered);
        context.emit("Balances", "TotalIssuanceForced", { old, new: totalIssuance.get(context.state) });
      },
    ),
    burn: handler((context, { value, keepAlive }: { value: bigint; keepAlive: boolean }) => {
      const who = signer(context);
      const available = spendable(accountAt(context.state, who), keepAlive ? "alive" : "may-die");
      if (value > available) failWith({ type: "Token", value: "FundsUnavailable" });
      change(context, who, ({ data }) => {
        data.free -= value;
      });
      issue(context, -value);
      context.emit("Balances", "Burned", { who, amount: value });
    }),
  },
};
