import { CodedError, categories } from "@granary/primitives";
import { describe, expect, it } from "@jest/globals";
import { httpErrorBody } from "./http-error.js";

describe("httpErrorBody", () => {
  it("has a real error status for every category", () => {
    for (const category of categories) {
      const { status, body } = httpErrorBody(new CodedError("X", category, "text"));
      expect(status).toBeGreaterThanOrEqual(400);
      expect(body).toMatchObject({ code: status, data: null, error: { code: "X", category } });
    }
  });

  it("tells a client nothing of what went wrong inside", () => {
    const { status, body } = httpErrorBody(new Error("password of the database is hunter2"));
    expect(status).toBe(500);
    expect(JSON.stringify(body)).not.toContain("hunter2");
  });

  it("prefers the exact status of a code", () => {
    expect(httpErrorBody(new CodedError("STAGING_FULL", "exhausted", "")).status).toBe(507);
    expect(httpErrorBody(new CodedError("SIGNATURE_INVALID", "denied", "")).status).toBe(401);
  });
});
