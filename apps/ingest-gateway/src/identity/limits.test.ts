import { loadSigner } from "@granary/chain-client/accounts";
import { describe, expect, it } from "@jest/globals";
import { createAccessCheck } from "./access-list.js";
import { createStartLimiter } from "./start-limiter.js";

const [alice, bob] = await Promise.all([loadSigner("//Alice"), loadSigner("//Bob")]);
const account = alice.account;

describe("the access list", () => {
  const isLetIn = (mode: "public" | "private", listed: string[], always: string[] = []): boolean => {
    try {
      createAccessCheck({ mode, listed, always })(account);
      return true;
    } catch {
      return false;
    }
  };

  it("keeps out who is listed when public, and who is not listed when private", () => {
    expect(isLetIn("public", [])).toBe(true);
    expect(isLetIn("public", [account])).toBe(false);
    expect(isLetIn("private", [account])).toBe(true);
    expect(isLetIn("private", [bob.account])).toBe(false);
  });

  it("lets some in always", () => {
    expect(isLetIn("public", [account], [account])).toBe(true);
    expect(isLetIn("private", [], [account])).toBe(true);
  });

  it("with something that is no account is a mistake that is seen at the start", () => {
    expect(() => createAccessCheck({ mode: "public", listed: ["nobody"], always: [] })).toThrow("SS58");
  });
});

describe("the limit of upload starts", () => {
  it("lets a burst through, then as many as the rate gives, and tells when to come back", () => {
    const take = createStartLimiter({ perSecond: 2, burst: 3 });
    for (let i = 0; i < 3; i += 1) take(account, 1_000);
    expect(() => take(account, 1_000)).toThrow("too fast");
    expect(() => take(account, 1_400)).toThrow("too fast");
    take(account, 1_600);
    expect(() => take(account, 1_600)).toThrow("too fast");
  });

  it("is each account's own", () => {
    const take = createStartLimiter({ perSecond: 1, burst: 1 });
    take(account, 0);
    take(bob.account, 0);
    expect(() => take(account, 0)).toThrow("too fast");
  });
});
