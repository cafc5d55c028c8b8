import { describe, expect, it } from "@jest/globals";
import { errorOf } from "./failure.js";

describe("errorOf", () => {
  it("gives what users can act on a code of its own, by the name of the error, not its number", () => {
    const codes = [
      ["FileBank", "NoPermission", "GATEWAY_NOT_AUTHORIZED", "denied"],
      ["FileBank", "InsufficientAvailableSpace", "TERRITORY_FULL", "exhausted"],
      ["StorageHandler", "NotHaveTerritory", "TERRITORY_UNKNOWN", "absent"],
      ["StorageHandler", "NotActive", "TERRITORY_NOT_ACTIVE", "conflict"],
      ["StorageHandler", "NotBuyer", "PURCHASE_NOT_YOURS", "denied"],
      ["FileBank", "NotActive", "FILE_NOT_ACTIVE", "conflict"],
      ["FileBank", "MinerStateError", "MINER_NOT_POSITIVE", "conflict"],
    ] as const;
    for (const [pallet, name, code, category] of codes) {
      expect(errorOf({ pallet, name })).toMatchObject({ code, category, details: { pallet, error: name } });
    }
  });

  it("names an error that it does not know", () => {
    const error = errorOf({ pallet: "FileBank", name: "NewInSomeRuntime" });
    expect(error).toMatchObject({ code: "CHAIN_REFUSED", category: "conflict" });
    expect(error.message).toContain("FileBank.NewInSomeRuntime");
  });
});
