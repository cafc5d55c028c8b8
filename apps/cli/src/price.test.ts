import { describe, expect, it } from "@jest/globals";
import { daysLeft, formatTokens, parseTokens, priceOfReactivation, priceOfSpace } from "./price.js";

const TCESS = 10n ** 18n;

describe("the price of space", () => {
  it("is that of a GiB for a day, or for thirty days on old runtimes", () => {
    expect(priceOfSpace({ amount: TCESS, days: 1 }, 2, 30)).toBe(60n * TCESS);
    expect(priceOfSpace({ amount: 30n * TCESS, days: 30 }, 1, 30)).toBe(30n * TCESS);
  });

  it("of a reactivation is a thirtieth of the unit price for a day, whatever time that is for", () => {
    const daily = { amount: 30n * TCESS, days: 1 } as const;
    expect(priceOfReactivation(daily, 3, 30) * 30n).toBe(priceOfSpace(daily, 3, 30));
    const monthly = { amount: 30n * TCESS, days: 30 } as const;
    expect(priceOfReactivation(monthly, 3, 30)).toBe(priceOfSpace(monthly, 3, 30));
  });

  it("of an expansion counts begun days whole, and nothing after the end", () => {
    expect(daysLeft(14_400, 0)).toBe(1);
    expect(daysLeft(14_401, 0)).toBe(2);
    expect(daysLeft(14_400, 14_399)).toBe(1);
    expect(daysLeft(14_400, 14_400)).toBe(0);
    expect(daysLeft(14_400, 20_000)).toBe(0);
  });
});

describe("an amount", () => {
  it("is read and shown in TCESS", () => {
    expect(parseTokens("12.5")).toBe(12n * TCESS + TCESS / 2n);
    expect(parseTokens("0.000000000000000001")).toBe(1n);
    expect(formatTokens(parseTokens("12.5"))).toBe("12.5000 TCESS");
  });

  it.each(["", "-1", "1.", "1,5", "1e3", "0.0000000000000000001"])("is not %j", (text) => {
    expect(() => parseTokens(text)).toThrow("an amount is a number");
  });
});
