import type { Territory } from "@granary/chain-client";
import type { AccountId } from "@granary/primitives";
import { describe, expect, it } from "@jest/globals";
import { refuseUnfit } from "./consignment.js";

const account = "cXbuyer" as AccountId;

/** What becomes of a buyer who has one territory, "home", and so much money, at a price of 100. */
async function outcome(free: bigint, name: string): Promise<string> {
  const reader = {
    territory: async (_owner: AccountId, asked: string) => (asked === "home" ? ({ name: asked } as Territory) : null),
    freeBalance: async () => free,
  };
  return refuseUnfit(reader, { account }, { price: 100n }, name).then(
    () => "bought",
    (error: { code: string }) => error.code,
  );
}

describe("buying a territory that is for sale", () => {
  it("is refused where the chain would put it in the place of another, or not hand it over for want of money", async () => {
    expect(await outcome(1_000n, "home")).toBe("TERRITORY_EXISTS");
    expect(await outcome(199n, "away")).toBe("BALANCE_TOO_LOW");
    expect(await outcome(200n, "away")).toBe("bought");
  });
});
