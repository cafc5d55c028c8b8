import { waitTargets } from "@granary/sdk";
import { Command } from "commander";
import * as account from "./command/account.js";
import * as consignment from "./command/consignment.js";
import * as gateway from "./command/gateway.js";
import { get } from "./command/get.js";
import * as miners from "./command/miners.js";
import * as objects from "./command/objects.js";
import * as ops from "./command/ops.js";
import { put } from "./command/put.js";
import * as territory from "./command/territory.js";
import { type UpOptions, up, upDefaults } from "./command/up.js";
import { type Context, createContext } from "./context.js";
import { createOutput } from "./output.js";
import type { GlobalOptions } from "./settings.js";

const program = new Command("granary")
  .description("Store files on independent miners of a CESS-type chain, and get them back")
  .option("--gateway <url>", "the gateway (GRANARY_GATEWAY_URL)")
  .option("--chain <url>", "a node of the chain (GRANARY_CHAIN_URL)")
  .option("--operator-token-file <file>", "file with the token of an operator (GRANARY_OPERATOR_TOKEN_FILE)")
  .option("--key-file <file>", "file with your mnemonic or secret URI (GRANARY_KEY_FILE)")
  .option("--json", "print results as JSON")
  .showHelpAfterError()
  .configureHelp({ showGlobalOptions: true })
  .exitOverride((error) => process.exit(error.exitCode === 0 ? 0 : 2));

/** Runs a command with its context; an error becomes a line and an exit code. */
function run(work: (context: Context) => Promise<void>): Promise<void> {
  const options = program.opts<GlobalOptions>();
  return work(createContext(options)).catch((error: unknown) => {
    process.exitCode = createOutput(options.json ?? false).failure(error);
  });
}

program
  .command("up")
  .description("start the whole network on this machine and keep it running")
  .argument("[file]", "what the demonstration stores")
  .option("--dir <folder>", "where the network keeps its data", upDefaults.dir)
  .option("--miners <count>", "storage miners", upDefaults.miners)
  .option("--spec <path>", "raw chain specification whose runtime the chain runs, under development keys")
  .option("--block-ms <ms>", "time between blocks of the development chain", upDefaults.blockMs)
  .option("--demo", "store a file, kill 8 of its 12 miners, get it back", false)
  .option("--once", "end after the demonstration", false)
  .option("--size <size>", "size of the file that the demonstration makes", upDefaults.size)
  .action((file: string | undefined, options: UpOptions) =>
    up(file, options).then(
      (code) => process.exit(code),
      (error: unknown) => process.exit(createOutput(false).failure(error)),
    ),
  );

program
  .command("put")
  .description("upload a file")
  .argument("<file>")
  .requiredOption("--territory <name>", "territory that pays for it")
  .option("--name <name>", "name of the object (default: the file's)")
  .option("--wait <state>", `when to return: ${waitTargets.join(", ")}`, "active")
  .option("--encrypt", "encrypt (AES-256-GCM); the gateway keeps the key for you")
  .option("--encryption-key-file <file>", "encrypt so that only this key (base64 of 32 bytes) opens it")
  .option("--cipher-file <file>", "encrypt (CESS Cipher mode) with the key in this file")
  .option("--prefer <miners>", "accounts of miners that come first, separated by commas")
  .option("--first <columns>", "so many columns go to preferred miners, the others to any")
  .option("--only <miners>", "nobody but these, twelve or more")
  .option("--avoid <miners>", "none of these")
  .option("--area <corners>", 'where it should lie: longitude and latitude of corners, "11 47,14 47,14 50"')
  .option("--strict-area", "rather fail than leave the area")
  .action((file, options) => run((context) => put(context, file, options)));

program
  .command("get")
  .description("download a file")
  .argument("<fid>")
  .option("-o, --output <file>", "where to (default: the FID)")
  .option("--encryption-key-file <file>", "decrypt with the key (base64 of 32 bytes) in this file")
  .option("--cipher-file <file>", "decrypt (CESS Cipher mode) with the key in this file")
  .action((fid, options) => run((context) => get(context, fid, options)));

program
  .command("ls")
  .description("list files that an account holds")
  .option("--territory <name>")
  .option("--account <account>", "whose (default: yours)")
  .action((options) => run((context) => objects.list(context, options)));

program
  .command("rm")
  .description("delete a file of yours")
  .argument("<fid>")
  .action((fid) => run((context) => objects.remove(context, fid)));

program
  .command("status")
  .description("show where an upload is, or what is known of a file")
  .argument("<upload-id or fid>")
  .action((id) => run((context) => objects.status(context, id)));

program
  .command("map")
  .description("show which miner holds which column of a file")
  .argument("<fid>")
  .action((fid) => run((context) => objects.map(context, fid)));

const territories = program.command("territory").description("space that you own on the chain");
/** A command that costs: the price is shown, and asked about at a terminal, before anything is signed. */
const paying = (name: string, description: string, argument = "<name>") =>
  territories
    .command(name)
    .description(description)
    .argument(argument)
    .option("--yes", "do not ask before signing")
    .option("--max-price <tcess>", "refuse when it would cost more, with the fee");
paying("buy", "buy a territory, and let the gateway store in it")
  .requiredOption("--gib <count>", "size in GiB")
  .option("--days <count>", "how long", "30")
  .option("--no-authorize", "do not let the gateway store in your territories")
  .action((name, options) => run((context) => territory.buy(context, name, options)));
paying("expand", "make a territory larger, for the days that it has left")
  .requiredOption("--gib <count>", "GiB more")
  .action((name, options) => run((context) => territory.expand(context, name, options)));
paying("renew", "make a territory last longer, also a frozen one")
  .requiredOption("--days <count>", "days more")
  .action((name, options) => run((context) => territory.renew(context, name, options)));
paying("reactivate", "take an expired territory again, empty")
  .requiredOption("--days <count>", "how long")
  .action((name, options) => run((context) => territory.reactivate(context, name, options)));
territories
  .command("rename")
  .description("give an empty territory another name")
  .argument("<name>")
  .argument("<new-name>")
  .action((from, to) => run((context) => territory.rename(context, from, to)));
territories
  .command("grant")
  .description("give an empty territory to another account")
  .argument("<name>")
  .argument("<account>")
  .action((name, to) => run((context) => territory.grant(context, name, to)));
territories
  .command("consign")
  .description("offer an empty territory for sale")
  .argument("<name>")
  .requiredOption("--price <tcess>", "what it is to bring")
  .action((name, options) => run((context) => consignment.consign(context, name, options)));
territories
  .command("cancel-consignment")
  .description("take a territory back that nobody has bought")
  .argument("<name>")
  .action((name) => run((context) => consignment.cancelConsignment(context, name)));
territories
  .command("consigned")
  .description("list territories that are for sale")
  .action(() => run((context) => consignment.listConsigned(context)));
paying("buy-consigned", "buy a territory that is for sale; the chain hands it over some blocks later", "<token>")
  .requiredOption("--name <name>", "what you call it")
  .action((token, options) => run((context) => consignment.buyConsigned(context, token, options)));
territories
  .command("cancel-purchase")
  .description("step back from buying a territory, before it is handed over")
  .argument("<token>")
  .action((token) => run((context) => consignment.cancelPurchase(context, token)));
territories
  .command("show")
  .description("show one territory")
  .argument("<name>")
  .option("--account <account>", "whose (default: yours)")
  .action((name, options) => run((context) => territory.show(context, name, options)));
territories
  .command("ls")
  .description("list territories")
  .option("--account <account>", "whose (default: yours)")
  .action((options) => run((context) => territory.list(context, options)));

const gateways = program.command("gateway").description("who may store in your territories");
gateways
  .command("authorize")
  .description("let a gateway store and delete in your territories")
  .argument("[account]", "the gateway's account (default: the one of --gateway)")
  .action((account) => run((context) => gateway.authorize(context, account)));
gateways
  .command("revoke")
  .description("take that back")
  .argument("[account]", "the gateway's account (default: the one of --gateway)")
  .action((account) => run((context) => gateway.revoke(context, account)));
gateways
  .command("ls")
  .description("list the gateways that an account has authorized")
  .option("--account <account>", "whose (default: yours)")
  .action((options) => run((context) => gateway.list(context, options)));

const accounts = program.command("account").description("your key and account");
accounts
  .command("new")
  .description("make a key")
  .requiredOption("--out <file>", "file for the new key")
  .action((options) => run((context) => account.create(context, options)));
accounts
  .command("import")
  .description("take over a mnemonic, seed, secret URI, or a wallet's keystore (GRANARY_KEY_PASSWORD)")
  .requiredOption("--out <file>", "file for the key")
  .option("--from <file>", "where it is; - is standard input", "-")
  .action((options) => run((context) => account.importKey(context, options)));
accounts
  .command("show")
  .description("show your account and its balance")
  .action(() => run((context) => account.show(context)));

program
  .command("resume")
  .description("take up an upload whose deal has failed (operators)")
  .argument("<upload-id>")
  .requiredOption("--reason <text>", "what has changed since; it is written down")
  .action((id, { reason }) => run((context) => miners.resume(context, id, reason)));

program
  .command("actions")
  .description("list what operators did by hand")
  .action(() => run((context) => miners.actions(context)));

const pool = program.command("miners").description("list the miners, and what the gateway thinks of each");
pool.action(() => run((context) => miners.miners(context)));
pool
  .command("why")
  .description("show why a miner gets columns, or does not")
  .argument("<miner>")
  .action((account) => run((context) => miners.why(context, account)));
pool
  .command("quarantine")
  .description("give a miner nothing more until it is released (operators)")
  .argument("<miner>")
  .requiredOption("--reason <text>", "why; it is written down")
  .action((account, { reason }) => run((context) => miners.quarantine(context, account, reason)));
pool
  .command("release")
  .description("give a miner back to use, by way of a probe (operators)")
  .argument("<miner>")
  .requiredOption("--reason <text>", "why; it is written down")
  .action((account, { reason }) => run((context) => miners.release(context, account, reason)));

const operations = program.command("ops").description("what operators look at and do when something does not go on");
const withReason = (name: string, description: string) =>
  operations.command(name).description(description).requiredOption("--reason <text>", "why; it is written down");
operations
  .command("queues")
  .description("show jobs that wait and run, and uploads by state")
  .action(() => run((context) => ops.queues(context)));
operations
  .command("stuck")
  .description("list uploads that do not move, each with what holds it up")
  .option("--still <duration>", "since when they have not moved", "10m")
  .action(({ still }) => run((context) => ops.stuck(context, still)));
withReason("retry", "take up an upload that does not go on")
  .argument("<upload-id>")
  .action((id, { reason }) => run((context) => ops.retry(context, id, reason)));
withReason("pause", "give no more columns to miners; what is on its way goes on").action(({ reason }) =>
  run((context) => ops.pausePlacement(context, true, reason)),
);
withReason("unpause", "go on placing").action(({ reason }) =>
  run((context) => ops.pausePlacement(context, false, reason)),
);
withReason("drain", "give a miner nothing more, as `miners quarantine` does")
  .argument("<miner>")
  .action((account, { reason }) => run((context) => miners.quarantine(context, account, reason)));
operations
  .command("dead-letters")
  .description("list messages that were given up")
  .action(() => run((context) => ops.deadLetters(context)));
withReason("replay", "have a dead letter handled after all")
  .argument("<service>")
  .argument("<id>")
  .action((service, id, { reason }) => run((context) => ops.settle(context, { service, id, how: "replay" }, reason)));
withReason("discard", "give a dead letter up for good")
  .argument("<service>")
  .argument("<id>")
  .action((service, id, { reason }) => run((context) => ops.settle(context, { service, id, how: "discard" }, reason)));
operations
  .command("audit")
  .description("list who did what, newest first")
  .option("--subject <id>", "only about this upload, file, miner")
  .option("--actor <actor>", "only by this account:…, operator:…, service:…")
  .action((options) => run((context) => ops.audit(context, options)));

await program.parseAsync();
