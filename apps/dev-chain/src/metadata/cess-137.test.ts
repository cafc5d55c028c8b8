import { readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, it } from "@jest/globals";
import { cryptoWaitReady } from "@polkadot/util-crypto";
import { pallets } from "../shape/index.js";
import { runtimeShape } from "../shape/runtime.js";
import { runtimeVersion, ss58Prefix } from "../shape/version.js";
import { buildMetadata } from "./build-metadata.js";
import { describeMetadata, type MetadataDescription } from "./describe-metadata.js";

interface Fixture extends MetadataDescription {
  readonly specName: string;
  readonly specVersion: number;
  readonly transactionVersion: number;
  readonly ss58Prefix: number;
}
const here = path.dirname(fileURLToPath(import.meta.url));
const cess = JSON.parse(readFileSync(path.join(here, "fixtures/cess-137.json"), "utf8")) as Fixture;

/** Each call of CESS that is left out, and why. Everything else of these pallets is there. */
const callsLeftOut: Readonly<Record<string, string>> = {
  "System.set_heap_pages": "there is no WebAssembly runtime",
  "System.set_code": "the runtime is this program",
  "System.set_code_without_checks": "the runtime is this program",
  "System.authorize_upgrade": "the runtime is this program",
  "System.authorize_upgrade_without_checks": "the runtime is this program",
  "System.apply_authorized_upgrade": "the runtime is this program",
  "Balances.upgrade_accounts": "no account has an older form",
  "TeeWorker.change_master_key_holder": "the master key passes between trusted hardware, which there is none of",
  "TeeWorker.apply_master_key": "the master key passes between trusted hardware, which there is none of",
  "TeeWorker.distribute_master_key": "the master key passes between trusted hardware, which there is none of",
  "TeeWorker.add_ceseal": "no binary of trusted hardware is judged",
  "TeeWorker.remove_ceseal": "no binary of trusted hardware is judged",
  "TeeWorker.set_minimum_ceseal_version": "no binary of trusted hardware is judged",
  "TeeWorker.set_ceseal_verify_required": "no binary of trusted hardware is judged",
  "TeeWorker.migration_last_work": "mends data of the real network",
  "TeeWorker.patch_clear_invalid_tee": "mends data of the real network",
  "TeeWorker.patch_clear_not_work_tee": "mends data of the real network",
};

/** Types that differ on purpose. */
const typesThatDiffer: Readonly<Record<string, string>> = {
  "frame_support::dispatch::PerDispatchClass": "three instantiations share the path; the list knows one",
};

describe("the metadata beside that of CESS spec 137", () => {
  let ours: MetadataDescription;
  beforeAll(async () => {
    await cryptoWaitReady();
    ours = describeMetadata(buildMetadata(runtimeShape(runtimeVersion.specVersion)));
  });
  const compared = pallets.map(({ name }) => name).filter((name) => name in cess.pallets);

  it("compares every pallet but the two that the list has no shapes of", () => {
    expect(pallets.map(({ name }) => name).filter((name) => !compared.includes(name))).toEqual(["Utility", "Sudo"]);
  });

  it("gives each pallet its index", () => {
    for (const { name, index } of pallets) expect([name, index]).toEqual([name, cess.palletIndices[name]]);
  });

  it.each(compared)("has the calls of %s, but those left out by name, with the same indices and arguments", (name) => {
    const isKept = ([call]: [string, string]) => callsLeftOut[`${name}.${call}`] === undefined;
    const expected = Object.fromEntries(Object.entries(cess.pallets[name]!.calls).filter(isKept));
    expect(ours.pallets[name]!.calls).toEqual(expected);
  });

  it.each(compared)("has the events and errors of %s with the same indices and fields", (name) => {
    expect(ours.pallets[name]!.events).toEqual(cess.pallets[name]!.events);
    expect(ours.pallets[name]!.errors).toEqual(cess.pallets[name]!.errors);
  });

  it.each(compared)("has the storage of %s with the same modifiers, hashers, keys and values", (name) => {
    expect(ours.pallets[name]!.storage).toEqual(cess.pallets[name]!.storage);
  });

  it.each(compared)("has the constants of %s, of the same types and, where the list tells them, values", (name) => {
    const told = cess.pallets[name]!.constants;
    expect(Object.keys(ours.pallets[name]!.constants)).toEqual(Object.keys(told));
    for (const [constant, text] of Object.entries(told)) {
      const mine = ours.pallets[name]!.constants[constant]!;
      expect([constant, text.includes(" = ") ? mine : mine.split(" = ")[0]]).toEqual([constant, text]);
    }
  });

  it("has every struct and enum that those mention, field by field", () => {
    const expected = Object.entries(cess.types).filter(([name]) => typesThatDiffer[name] === undefined);
    for (const [name, text] of expected) expect([name, ours.types[name]]).toEqual([name, text]);
  });

  it("leaves out no call that does not exist and names no difference twice", () => {
    for (const left of Object.keys(callsLeftOut)) {
      const [pallet, call] = left.split(".") as [string, string];
      expect([left, cess.pallets[pallet]!.calls[call] !== undefined]).toEqual([left, true]);
    }
    for (const name of Object.keys(typesThatDiffer)) expect([name, name in cess.types]).toEqual([name, true]);
  });

  it("has the same version, prefix and signed extensions", () => {
    const { specName, specVersion, transactionVersion } = runtimeVersion;
    expect([specName, specVersion, transactionVersion, ss58Prefix]).toEqual([
      cess.specName,
      cess.specVersion,
      cess.transactionVersion,
      cess.ss58Prefix,
    ]);
    expect(ours.signedExtensions).toEqual(cess.signedExtensions);
  });
});
