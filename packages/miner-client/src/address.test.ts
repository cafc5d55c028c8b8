import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { isPublicAddress } from "./address.js";

describe("public address", () => {
  it.each(["1.1.1.1", "8.8.8.8", "203.0.114.7", "2a01:4f8::1", "2606:4700:4700::1111"])("%s is public", (address) => {
    expect(isPublicAddress(address)).toBe(true);
  });

  it.each([
    "0.0.0.0",
    "10.0.0.1",
    "100.64.0.1",
    "127.0.0.1",
    "127.255.255.255",
    "169.254.169.254",
    "172.16.0.1",
    "192.0.0.1",
    "192.168.1.1",
    "198.18.0.1",
    "203.0.113.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::10.0.0.1",
    "::8.8.8.8",
    "::ffff:10.0.0.1",
    "::ffff:8.8.8.8",
    "::ffff:0:a00:1",
    "64:ff9b::a00:1",
    "64:ff9b:1::a00:1",
    "100::1",
    "2001::1",
    "2001:db8::1",
    "2002:a00:1::",
    "4000::1",
    "fc00::1",
    "fd00::",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
    "not an address",
  ])("%s is not public", (address) => {
    expect(isPublicAddress(address)).toBe(false);
  });

  it("no IPv4 address is public in any IPv6 disguise", () => {
    fc.assert(
      fc.property(fc.nat(0xffff), fc.nat(0xffff), (high, low) => {
        const tail = `${high.toString(16)}:${low.toString(16)}`;
        for (const prefix of ["::ffff:", "::ffff:0:", "64:ff9b::", "64:ff9b:1::", "::", "2002:", "2001::"]) {
          const address = prefix === "2002:" ? `2002:${tail}::1` : `${prefix}${tail}`;
          expect(isPublicAddress(address)).toBe(false);
        }
      }),
    );
  });
});
