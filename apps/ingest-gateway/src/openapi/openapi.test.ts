import { StatusController } from "@granary/service-runtime";
import { describe, expect, it } from "@jest/globals";
import { Validator } from "@seriousme/openapi-schema-validator";
import { httpControllers } from "../adapters/http-controllers.js";
import { openApiOf } from "./document.js";
import { openApiDocument, routesOf } from "./index.js";
import { operations } from "./operations.js";

const nameOf = ({ method, path }: { method: string; path: string }) => `${method} ${path}`;

describe("the OpenAPI document", () => {
  it("describes every route, and nothing that is no route (a new route is described in operations.ts)", () => {
    const routes = routesOf([StatusController, ...httpControllers]).map(nameOf);
    expect(routes.length).toBeGreaterThan(30);
    expect(routes.sort()).toEqual(Object.keys(operations).sort());
  });

  it("is OpenAPI 3.1, by the schema of OpenAPI itself", async () => {
    const found = await new Validator().validate(JSON.parse(JSON.stringify(openApiDocument())));
    expect(found).toMatchObject({ valid: true });
    const broken = { ...openApiDocument(), paths: { "/x": { get: { responses: { wrong: {} } } } } };
    expect(await new Validator().validate(broken)).toMatchObject({ valid: false });
  });

  it("gives every operation an id of its own", () => {
    const paths = Object.values(openApiDocument().paths as Record<string, Record<string, { operationId: string }>>);
    const ids = paths.flatMap((item) => Object.values(item).map(({ operationId }) => operationId));
    expect(new Set(ids).size).toBe(ids.length);
  });

  it("hides no route, also one that nobody described", () => {
    const paths = openApiOf([{ method: "POST", path: "/new/:id" }]).paths as Record<string, object>;
    expect(Object.keys(paths)).toEqual(["/new/{id}"]);
  });
});
