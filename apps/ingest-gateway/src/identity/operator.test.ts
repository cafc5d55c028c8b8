import { Secret } from "@granary/service-runtime";
import { describe, expect, it } from "@jest/globals";
import { operatorOf } from "./operator.js";

const operators = new Map([
  ["ada", new Secret("a-long-token-of-ada")],
  ["bea", new Secret("a-long-token-of-bea")],
]);

describe("an operator", () => {
  it("is known by the token alone", () => {
    expect(operatorOf(operators, "Bearer a-long-token-of-bea")).toBe("bea");
    expect(operatorOf(operators, "bearer a-long-token-of-ada")).toBe("ada");
  });

  it.each([undefined, "", "Bearer ", "Bearer wrong", "a-long-token-of-ada", "Bearer a-long-token-of-ad"])(
    "is nobody who shows %s",
    (authorization) => {
      expect(() => operatorOf(operators, authorization)).toThrow(expect.objectContaining({ code: "OPERATOR_UNKNOWN" }));
    },
  );

  it("is nobody at all where none is configured", () => {
    expect(() => operatorOf(new Map(), "Bearer ")).toThrow(expect.objectContaining({ code: "OPERATOR_UNKNOWN" }));
  });
});
