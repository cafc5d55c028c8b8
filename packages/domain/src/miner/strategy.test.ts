import type { AccountId } from "@granary/primitives";
import { describe, expect, it } from "@jest/globals";
import { composeStrategies, wishesAbout } from "./strategy.js";

const account = (n: number) => `miner-${n}` as AccountId;
const accounts = (...numbers: number[]) => numbers.map(account);
const square = [
  { longitude: 0, latitude: 0 },
  { longitude: 10, latitude: 0 },
  { longitude: 10, latitude: 10 },
  { longitude: 0, latitude: 10 },
];

describe("the strategies of a gateway and an uploader", () => {
  it("forbid together what one of them forbids", () => {
    const both = composeStrategies(
      { only: accounts(1, 2, 3), avoid: accounts(7) },
      { only: accounts(2, 3, 4), avoid: accounts(8) },
    );
    expect([...(both.only ?? [])]).toEqual(accounts(2, 3));
    expect([...both.avoid]).toEqual(accounts(7, 8));
    expect(composeStrategies({ only: accounts(1) }, {}).only).toEqual(new Set(accounts(1)));
    expect(composeStrategies({}, {}).only).toBeNull();
  });

  it("prefer what the uploader prefers, and without that what the gateway does", () => {
    const gateway = { prefer: accounts(1), first: 2 };
    expect(composeStrategies(gateway, { prefer: accounts(9) })).toMatchObject({ prefer: accounts(9), first: Infinity });
    expect(composeStrategies(gateway, { prefer: [] })).toMatchObject({ prefer: accounts(1), first: 2 });
  });

  it("keep out whoever is outside of a fence, or nobody knows where", () => {
    const inside = { account: account(1), position: { longitude: 5, latitude: 5 } };
    const outside = { account: account(2), position: { longitude: 15, latitude: 5 } };
    const unknown = { account: account(3), position: null };
    const fenced = composeStrategies({ area: square, isAreaStrict: true }, { avoid: accounts(8) });
    expect(wishesAbout(fenced, [inside, outside, unknown]).avoid).toEqual(accounts(8, 2, 3));
    const soft = composeStrategies({}, { area: square });
    expect(wishesAbout(soft, [inside, outside, unknown])).toMatchObject({ avoid: [], area: square });
  });
});
