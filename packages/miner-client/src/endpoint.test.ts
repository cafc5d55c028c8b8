import { describe, expect, it } from "@jest/globals";
import { checkEndpoint, parseEndpoint } from "./endpoint.js";

const strict = { allowPrivateAddresses: false };
const development = { allowPrivateAddresses: true };
const refusal = (text: string, rules = strict): string | undefined => {
  try {
    checkEndpoint(parseEndpoint(text), rules);
    return undefined;
  } catch (error) {
    return (error as { code: string }).code;
  }
};

describe("endpoint", () => {
  it.each([
    ["203.0.114.7:15001", "http://203.0.114.7:15001", ""],
    ["http://miner.example.org:15001", "http://miner.example.org:15001", ""],
    ["http://miner.example.org:15001/", "http://miner.example.org:15001", ""],
    ["HTTP://Miner.Example.org:15001/a/", "http://miner.example.org:15001", "/a"],
    ["https://miner.example.org", "https://miner.example.org", ""],
    ["[2a01:4f8::1]:15001", "http://[2a01:4f8::1]:15001", ""],
    ["miner.example.org:15001\0\0\0\0", "http://miner.example.org:15001", ""],
    [" miner.example.org:15001 \0junk", "http://miner.example.org:15001", ""],
  ])("%j is read as %s", (text, origin, basePath) => {
    expect(parseEndpoint(text)).toMatchObject({ origin, basePath });
    expect(refusal(text)).toBeUndefined();
  });

  it.each([
    "",
    "\0",
    "ftp://miner.example.org:15001",
    "http://https://miner.example.org",
    "http://a@10.0.0.1",
    "http://user:secret@miner.example.org:15001",
    "miner.example.org:15001?x=1",
    "miner.example.org:15001#x",
    "http:\\\\miner.example.org:15001",
    "miner.example.org:99999",
    "miner example.org:15001",
    "①②⑦.0.0.1:15001",
    "miner%2eexample.org:15001",
  ])("%j is no endpoint", (text) => {
    expect(refusal(text)).toBe("MINER_ENDPOINT_INVALID");
  });

  it.each([22, 25, 111, 1023, 2379, 4222, 5432, 6379, 6443, 9944, 10250])("port %i is never dialed", (port) => {
    expect(refusal(`miner.example.org:${port}`)).toBe("MINER_ADDRESS_FORBIDDEN");
  });

  it.each(["127.1:15001", "[::ffff:10.0.0.1]:15001", "10.0.0.1:15001"])("%s is refused before dialing", (text) => {
    expect(refusal(text)).toBe("MINER_ADDRESS_FORBIDDEN");
  });

  it("a development network may use loopback and any unprivileged port, and no other", () => {
    expect(refusal("127.0.0.1:27017", development)).toBeUndefined();
    expect(refusal("127.0.0.1:22", development)).toBe("MINER_ADDRESS_FORBIDDEN");
  });
});
