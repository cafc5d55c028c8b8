import { describe, expect, it } from "@jest/globals";
import { parsePlaces } from "./miner-places.js";

const table = parsePlaces(`
# key, longitude, latitude, country, asn, operator
10.0.0.0/8,   11.5, 48.1, DE, AS64500, wide
10.1.0.0/16,  2.3,  48.8, FR
2001:db8::/32, , , NL
node.example.org, -74, 40.7, US, , acme   # by name
cXsomebody, 0, 0
`);

describe("the table of places", () => {
  it("knows a miner by its account, then by its host, then by the narrowest network around its address", () => {
    expect(table.of("cXsomebody", "10.1.2.3").position).toEqual({ longitude: 0, latitude: 0 });
    expect(table.of("cXother", "node.example.org")).toEqual({
      position: { longitude: -74, latitude: 40.7 },
      groups: { country: "US", operator: "acme" },
    });
    expect(table.of("cXother", "10.1.2.3").groups).toEqual({ country: "FR" });
    expect(table.of("cXother", "10.2.2.3").groups).toEqual({ country: "DE", asn: "AS64500", operator: "wide" });
    expect(table.of("cXother", "2001:db8::1")).toEqual({ position: null, groups: { country: "NL" } });
  });

  it("says nothing of others", () => {
    for (const host of ["192.168.1.1", "2001:db9::1", "example.org", null]) {
      expect(table.of("cXother", host)).toEqual({ position: null, groups: {} });
    }
  });

  it.each(["10.0.0.0/8,1", "a,x,1", "a,181,1", "a,1,91", "a,,5"])("is refused with the line %s", (line) => {
    expect(() => parsePlaces(`a,1,1\n${line}`)).toThrow(
      expect.objectContaining({ code: "PLACES_INVALID", details: { line: 2 } }),
    );
  });
});
