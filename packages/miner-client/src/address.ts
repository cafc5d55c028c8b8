import ipaddr from "ipaddr.js";

/** The only IPv6 block from which public addresses are given out (IANA). */
const globalUnicast6: [ipaddr.IPv6, number] = [ipaddr.IPv6.parse("2000::"), 3];

/**
 * True for an address that lies in the public internet and nowhere else. IPv6 forms that carry an IPv4 address inside
 * (mapped, NAT64, 6to4, Teredo …) are all refused, whatever they carry: a miner has no need of them, and each has been
 * a way around a filter.
 */
export function isPublicAddress(address: string): boolean {
  if (!ipaddr.isValid(address)) return false;
  const parsed = ipaddr.parse(address);
  if (parsed.range() !== "unicast") return false;
  if (parsed.kind() === "ipv4") return true;
  return parsed.match(globalUnicast6);
}
