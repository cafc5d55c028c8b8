import { MiB } from "@granary/primitives";
import { describe, expect, it } from "@jest/globals";
import fc from "fast-check";
import { createStagingRoom, type StagingClaims } from "./staging-room.js";

/** A volume that several processes share. */
function volume(sizeBytes: number) {
  const claims = new Map<number, number>();
  const disk = { used: 0, raises: 0 };
  const total = () => [...claims.values()].reduce((a, b) => a + b, 0);
  const claimsOf = (id: number): StagingClaims => ({
    async raise(bytes) {
      disk.raises += 1;
      if (total() - (claims.get(id) ?? 0) + bytes > sizeBytes - disk.used) return false;
      claims.set(id, bytes);
      return true;
    },
    async renew(bytes) {
      claims.set(id, bytes);
    },
  });
  return { disk, claims, claimsOf, free: () => sizeBytes - disk.used };
}

const PIECE_BYTES = 4 * MiB;

async function* pieces(count: number, bytes = MiB) {
  const piece = new Uint8Array(bytes);
  for (let i = 0; i < count; i += 1) yield piece;
}

describe("room on the staging volume", () => {
  it("is never promised twice, to several processes, whatever comes and goes: no body that was let in meets a full disk", async () => {
    const upload = fc.record({
      process: fc.integer({ min: 0, max: 2 }),
      announced: fc.nat(50),
      sent: fc.nat(50),
      isKept: fc.boolean(),
    });
    const order = fc.infiniteStream(fc.nat(1_000));
    await fc.assert(
      fc.asyncProperty(fc.array(upload, { minLength: 1, maxLength: 12 }), order, async (uploads, next) => {
        const { disk, claimsOf, free } = volume(300 * MiB);
        const rooms = [0, 1, 2].map((id) => createStagingRoom(claimsOf(id)));
        const running: (() => Promise<boolean>)[] = [];
        const chance = () => next.next().value as number;
        const goOn = async () => {
          const i = chance() % Math.max(1, running.length);
          if ((await running[i]?.()) === false) running.splice(i, 1);
        };
        for (const { process, announced, sent, isKept } of uploads) {
          const held = await rooms[process]?.hold(announced * PIECE_BYTES).catch(() => null);
          if (held == null) continue;
          const body = held.fill(pieces(Math.min(sent, announced), PIECE_BYTES))[Symbol.asyncIterator]();
          let written = 0;
          const step = async () => {
            const piece = await body.next();
            if (!piece.done) {
              disk.used += PIECE_BYTES;
              written += PIECE_BYTES;
              expect(free()).toBeGreaterThanOrEqual(0);
              return true;
            }
            held.release();
            if (!isKept) disk.used -= written;
            return false;
          };
          running.push(step);
          if (chance() % 2 === 0) await rooms[process]?.renew();
          for (let steps = chance() % 150; steps > 0; steps -= 1) await goOn();
        }
        while (running.length > 0) await goOn();
      }),
      { numRuns: 150 },
    );
  });

  it("is given back by a body that ends early, and by one that never began", async () => {
    const { claimsOf } = volume(100 * MiB);
    const room = createStagingRoom(claimsOf(1));
    const first = await room.hold(90 * MiB);
    await expect(room.hold(20 * MiB)).rejects.toMatchObject({ code: "STAGING_FULL", category: "exhausted" });
    first.release();
    await room.hold(90 * MiB);
  });

  it("is asked of the others once for many small chunks, and given back to them when nothing comes any more", async () => {
    const { disk, claims, claimsOf } = volume(1000 * MiB);
    const room = createStagingRoom(claimsOf(1));
    for (let i = 0; i < 500; i += 1) {
      const held = await room.hold(1000);
      for await (const _ of held.fill(pieces(1, 1000)));
      held.release();
    }
    expect(disk.raises).toBe(1);
    await room.renew();
    expect(claims.get(1)).toBe(0);
  });

  it("of a body of unknown length is promised as it comes, and refused where the volume ends", async () => {
    const { disk, claimsOf } = volume(40 * MiB);
    const held = await createStagingRoom(claimsOf(1)).hold(1);
    const all = async () => {
      for await (const chunk of held.fill(pieces(50))) disk.used += chunk.length;
    };
    await expect(all()).rejects.toMatchObject({ code: "STAGING_FULL" });
    expect(disk.used).toBeGreaterThan(20 * MiB);
    expect(disk.used).toBeLessThanOrEqual(40 * MiB);
  });
});
