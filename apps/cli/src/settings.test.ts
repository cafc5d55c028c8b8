import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, describe, expect, it } from "@jest/globals";
import { resolveSettings } from "./settings.js";

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

function folderWithNetwork(): string {
  const root = mkdtempSync(path.join(os.tmpdir(), "granary-cli-"));
  folders.push(root);
  mkdirSync(path.join(root, ".granary"));
  mkdirSync(path.join(root, "deep/er"), { recursive: true });
  const network = {
    gateway: "http://127.0.0.1:8123",
    chain: "ws://127.0.0.1:9123",
    minerControl: "",
    developmentKey: "//Alice",
    operatorToken: "development-operator",
  };
  writeFileSync(path.join(root, ".granary/network.json"), JSON.stringify(network));
  return root;
}

describe("settings", () => {
  it("finds the network that runs in a folder above", async () => {
    const settings = resolveSettings({}, {}, path.join(folderWithNetwork(), "deep/er"));
    expect(settings.gatewayUrl).toBe("http://127.0.0.1:8123");
    expect((await settings.signer()).account).toMatch(/^cX/);
  });

  it("prefers options to the environment, and both to the network", () => {
    const root = folderWithNetwork();
    const environment = { GRANARY_GATEWAY_URL: "http://env/", GRANARY_CHAIN_URL: "ws://env" };
    expect(resolveSettings({}, environment, root).gatewayUrl).toBe("http://env");
    expect(resolveSettings({ gateway: "http://option//" }, environment, root).gatewayUrl).toBe("http://option");
    expect(resolveSettings({}, environment, root).chainUrl).toBe("ws://env");
  });

  it.each([
    ["--gateway", { gateway: "https://gateway.example" }, {}],
    ["GRANARY_GATEWAY_URL", {}, { GRANARY_GATEWAY_URL: "https://gateway.example" }],
    ["--chain", { chain: "wss://chain.example" }, {}],
    ["GRANARY_CHAIN_URL", {}, { GRANARY_CHAIN_URL: "wss://chain.example" }],
  ])("never signs with the development key where %s names another network", async (_, options, environment) => {
    const settings = resolveSettings(options, environment, folderWithNetwork());
    await expect(settings.signer()).rejects.toMatchObject({ code: "KEY_MISSING", category: "denied" });
  });

  it("shows the operator's token of a network here to that network only", () => {
    const root = folderWithNetwork();
    expect(resolveSettings({}, {}, root).operatorToken()).toBe("development-operator");
    expect(() => resolveSettings({ gateway: "https://gateway.example" }, {}, root).operatorToken()).toThrow(
      expect.objectContaining({ code: "OPERATOR_TOKEN_MISSING" }),
    );
    const named = { GRANARY_OPERATOR_TOKEN: "another-token" };
    expect(resolveSettings({ gateway: "https://gateway.example" }, named, root).operatorToken()).toBe("another-token");
  });

  it("signs with the development key where a variable names the very network that brought it", async () => {
    const environment = { GRANARY_GATEWAY_URL: "http://127.0.0.1:8123/" };
    expect((await resolveSettings({}, environment, folderWithNetwork()).signer()).account).toMatch(/^cX/);
  });

  it("reads the key from its file, and says which file it could not read", async () => {
    const root = folderWithNetwork();
    const file = path.join(root, "key");
    writeFileSync(file, "//Bob\n");
    const bob = (await resolveSettings({ keyFile: file }, {}, root).signer()).account;
    const alice = (await resolveSettings({}, {}, root).signer()).account;
    expect(bob).not.toBe(alice);
    await expect(resolveSettings({ keyFile: `${file}x` }, {}, root).signer()).rejects.toMatchObject({
      code: "KEY_FILE_UNREADABLE",
    });
  });
});
