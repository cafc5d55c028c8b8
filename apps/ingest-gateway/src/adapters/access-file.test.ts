import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { loadSigner } from "@granary/chain-client/accounts";
import type { AccountId } from "@granary/primitives";
import { silentLog } from "@granary/telemetry";
import { afterAll, beforeAll, describe, expect, it } from "@jest/globals";
import { createAccess } from "./access-file.js";

const [alice, bob] = await Promise.all([loadSigner("//Alice"), loadSigner("//Bob")]);
const signal = new AbortController().signal;

describe("the access list in a file", () => {
  let folder: string;
  let file: string;
  beforeAll(() => {
    folder = mkdtempSync(path.join(tmpdir(), "granary-access-"));
    file = path.join(folder, "accounts");
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  /** As an editor or Kubernetes does it: the new file takes the place of the old one at once. */
  const write = (text: string) => {
    writeFileSync(`${file}.new`, text);
    renameSync(`${file}.new`, file);
  };
  const open = (mode: "public" | "private" = "public") =>
    createAccess({ mode, listed: [], always: [], file, log: silentLog });
  const lets = ({ check }: { check: (account: AccountId) => void }, account: AccountId): boolean => {
    try {
      check(account);
      return true;
    } catch {
      return false;
    }
  };

  it("is read again when it changes", async () => {
    write(`${alice.account} # for a while\n\n# nobody else\n`);
    const access = open();
    expect([lets(access, alice.account), lets(access, bob.account)]).toEqual([false, true]);
    write(bob.account);
    await access.reload(signal);
    expect([lets(access, alice.account), lets(access, bob.account)]).toEqual([true, false]);
  });

  it("stays what it was while the file is bad or away, and is taken when it is good again", async () => {
    write(alice.account);
    const access = open("private");
    const letIn = () => [lets(access, alice.account), lets(access, bob.account)];
    for (const spoil of [() => write("not an account"), () => rmSync(file)]) {
      spoil();
      await access.reload(signal);
      expect(letIn()).toEqual([true, false]);
    }
    write(bob.account);
    await access.reload(signal);
    expect(letIn()).toEqual([false, true]);
  });

  it("is a mistake that is seen at the start", () => {
    write("nobody");
    expect(open).toThrow("SS58");
    rmSync(file);
    expect(open).toThrow("cannot be read");
  });
});
