import { EventEmitter } from "node:events";
import type { ServerResponse } from "node:http";
import { describe, expect, it } from "@jest/globals";
import { watchReader } from "./watch-reader.js";

const pace = { stallMs: 100, bytesPerSecondMin: 1_000 };

/** A response whose client takes bytes as the test says. */
class Response extends EventEmitter {
  readonly socket = { bytesWritten: 100_000, writableLength: 50_000 };
  isDestroyed = false;
  isSlow = false;

  destroy(): void {
    this.isDestroyed = true;
    this.emit("close");
  }

  /** For a while; says whether it was cut meanwhile. */
  async watched(each: () => void): Promise<boolean> {
    watchReader(this as unknown as ServerResponse, pace, () => {
      this.isSlow = true;
    });
    const acting = setInterval(each, 5);
    await Promise.race([
      new Promise((resolve) => setTimeout(resolve, 8 * pace.stallMs)),
      new Promise((resolve) => this.once("close", resolve)),
    ]);
    clearInterval(acting);
    this.emit("close");
    return this.isDestroyed && this.isSlow;
  }
}

describe("the reader of a download", () => {
  it("who takes nothing of what waits for it is cut off", async () => {
    expect(await new Response().watched(() => {})).toBe(true);
  });

  it("who takes less than the least rate is cut off", async () => {
    const response = new Response();
    expect(
      await response.watched(() => {
        response.socket.writableLength -= 1;
      }),
    ).toBe(true);
  });

  it("who takes its bytes steadily, or for whom there are none, is left alone", async () => {
    const steady = new Response();
    const idle = new Response();
    idle.socket.writableLength = 0;
    const outcomes = await Promise.all([
      steady.watched(() => {
        steady.socket.bytesWritten += 10_000;
      }),
      idle.watched(() => {}),
    ]);
    expect(outcomes).toEqual([false, false]);
  });
});
