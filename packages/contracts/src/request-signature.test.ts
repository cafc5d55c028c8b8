import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { parseRequestMessage, type RequestToSign, requestMessage } from "./request-signature.js";

const request: RequestToSign = {
  method: "PUT",
  host: "gateway.example:8080",
  path: "/object/a%20b.txt?wait=0s&x=1",
  account: "cXgZo3RuYkAGhhvCHjAcc9FU13CG44oy8xW6jN39UYvbBaJx5",
  territory: "häuschen & co",
  bodySha256: "ab".repeat(32),
  expiresAt: 1_767_323_045,
  nonce: "0123456789abcdef",
};

describe("the message of a signed request", () => {
  it("is one line of ASCII, whatever is in its fields, and reads back as it was", () => {
    fc.assert(
      fc.property(
        fc.record({ path: fc.webPath().map((path) => `/${path}`), territory: fc.string({ unit: "binary" }) }),
        (more) => {
          const message = requestMessage({ ...request, ...more });
          expect(message).toMatch(/^[\x21-\x7e]+$/);
          expect(parseRequestMessage(message)).toEqual({ ...request, ...more });
        },
      ),
    );
    expect(parseRequestMessage(requestMessage({ ...request, bodySha256: null }))?.bodySha256).toBeNull();
  });

  it("is told from other messages", () => {
    for (const other of ["hello", "1767323045", "granary-request-2:method=PUT"]) {
      expect(parseRequestMessage(other)).toBeNull();
    }
  });

  it.each(["method", "host", "path", "account", "body", "expires", "nonce"])("without its %s is refused", (name) => {
    const without = requestMessage(request).replace(new RegExp(`([:&])${name}=[^&]*&?`), "$1");
    expect(() => parseRequestMessage(without)).toThrow(`"${name}"`);
  });

  it("with a field twice is refused: two readers could take different ones", () => {
    expect(() => parseRequestMessage(`${requestMessage(request)}&path=%2Fother`)).toThrow('"path"');
  });
});
