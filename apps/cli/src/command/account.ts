import { existsSync, writeFileSync } from "node:fs";
import { generateMnemonic, loadSigner } from "@granary/chain-client";
import { CodedError } from "@granary/primitives";
import type { Context } from "../context.js";
import { formatTokens } from "./territory.js";

/** Makes a key, in a file that only its owner can read. The mnemonic is never printed. */
export async function create(context: Context, options: { out: string }): Promise<void> {
  if (existsSync(options.out)) throw new CodedError("KEY_FILE_EXISTS", "conflict", `${options.out} exists already`);
  const mnemonic = generateMnemonic();
  const { account } = await loadSigner(mnemonic);
  writeFileSync(options.out, `${mnemonic}\n`, { mode: 0o600, flag: "wx" });
  context.output.result(
    { account, keyFile: options.out },
    `${account}\nkey in ${options.out}: keep it, nobody else has it`,
  );
}

export async function show(context: Context): Promise<void> {
  const { account } = await context.settings.signer();
  const balance = await context.withChain(({ reader }) => reader.freeBalance(account));
  context.output.result({ account, freeBalance: balance.toString() }, `${account}  ${formatTokens(balance)}`);
}
