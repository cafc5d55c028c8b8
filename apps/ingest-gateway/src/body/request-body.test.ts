import type { IncomingMessage } from "node:http";
import { Readable } from "node:stream";
import { describe, expect, it } from "@jest/globals";
import { type BodyPace, requestBody } from "./request-body.js";

const pace: BodyPace = { stallMs: 300, bytesPerSecondMin: 1_000 };

/** A request of which the test sends what comes. */
function incoming(): Readable & IncomingMessage {
  return new Readable({ read() {} }) as Readable & IncomingMessage;
}

async function collect(body: AsyncIterable<Uint8Array>): Promise<string> {
  let text = "";
  for await (const chunk of body) text += Buffer.from(chunk).toString();
  return text;
}

describe("the body of a request", () => {
  it("comes whole", async () => {
    const request = incoming();
    const body = collect(requestBody(request, pace));
    request.push("one ");
    setImmediate(() => {
      request.push("two");
      request.push(null);
    });
    expect(await body).toBe("one two");
  });

  it("whose connection breaks says so at once, before and while it is read, and holds up nobody", async () => {
    for (const isReading of [true, false]) {
      const request = incoming();
      request.push("some");
      if (!isReading) request.destroy();
      const body = collect(requestBody(request, { ...pace, stallMs: 3_000 }));
      if (isReading) setImmediate(() => request.destroy());
      let turns = 0;
      const others = setInterval(() => {
        turns += 1;
      }, 1);
      await expect(body).rejects.toMatchObject({ code: "BODY_ABORTED", category: "invalid" });
      clearInterval(others);
      expect(turns).toBeLessThan(1_000);
    }
  });

  it("that stays below the least rate is refused, and the time that we take to store it does not count", async () => {
    const slow = incoming();
    slow.push("a");
    await expect(collect(requestBody(slow, pace))).rejects.toMatchObject({ code: "BODY_TOO_SLOW" });

    const quick = incoming();
    for (let i = 0; i < 5; i += 1) quick.push("x");
    quick.push(null);
    const read: string[] = [];
    for await (const chunk of requestBody(quick, pace)) {
      read.push(Buffer.from(chunk).toString());
      await new Promise((resolve) => setTimeout(resolve, 2 * pace.stallMs));
    }
    expect(read.join("")).toBe("xxxxx");
  });
});
