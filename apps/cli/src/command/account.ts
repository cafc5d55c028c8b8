import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { generateMnemonic, loadSigner } from "@granary/chain-client";
import { CodedError } from "@granary/primitives";
import type { Context } from "../context.js";
import { formatTokens } from "../price.js";

/** Makes a key, in a file that only its owner can read. The mnemonic is never printed. */
export async function create(context: Context, options: { out: string }): Promise<void> {
  const mnemonic = generateMnemonic();
  const { account } = await loadSigner(mnemonic);
  writeKey(options.out, mnemonic);
  context.output.result(
    { account, keyFile: options.out },
    `${account}\nkey in ${options.out}: keep it, nobody else has it`,
  );
}

/**
 * Takes over a key that exists: a mnemonic, seed, secret URI or a wallet's keystore, from a file or standard input. It is
 * checked before it is kept; a keystore is kept encrypted, as it is.
 */
export async function importKey(context: Context, options: { out: string; from: string }): Promise<void> {
  const secret = readFileSync(options.from === "-" ? 0 : options.from, "utf8").trim();
  const { account } = await loadSigner(secret, context.settings.keyPassword());
  writeKey(options.out, secret);
  context.output.result({ account, keyFile: options.out }, `${account}\nkey in ${options.out}`);
}

/** @throws CodedError KEY_FILE_EXISTS (conflict) */
function writeKey(file: string, secret: string): void {
  if (existsSync(file)) throw new CodedError("KEY_FILE_EXISTS", "conflict", `${file} exists already`);
  writeFileSync(file, `${secret}\n`, { mode: 0o600, flag: "wx" });
}

export async function show(context: Context): Promise<void> {
  const { account } = await context.settings.signer();
  const balance = await context.withChain(({ reader }) => reader.freeBalance(account));
  context.output.result({ account, freeBalance: balance.toString() }, `${account}  ${formatTokens(balance)}`);
}
