import { CodedError, MiB } from "@granary/primitives";
import type { StagingRoom } from "../ports.js";

/** What this process has claimed of the staging volume, seen by the other processes that share it. */
export interface StagingClaims {
  /** Claims `bytes` in all, where that fits beside the claims of the others. @returns whether it does */
  raise(bytes: number): Promise<boolean>;
  /** Claims less, or the same for longer; 0 takes the claim back. */
  renew(bytes: number): Promise<void>;
}

/** Claimed beyond what is needed now, so that small chunks need no word with the database. */
const SLACK_BYTES = 64 * MiB;
/** What a body of unknown length is granted at a time. */
const STEP_BYTES = 16 * MiB;

/**
 * Room is promised before a byte is taken, and two promises never cover the same room. Law, of all processes together:
 * what is claimed is free on the volume. Bytes that reach the disk leave `promised` and `claimed` alike.
 */
export function createStagingRoom(claims: StagingClaims): StagingRoom & {
  /** Keeps the claim alive and gives back what is not needed any more; at the end, all of it. */
  renew(): Promise<void>;
} {
  let promised = 0;
  let claimed = 0;
  /** What the others see. */
  let shown = 0;
  let turn: Promise<unknown> = Promise.resolve();

  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const mine = turn.then(work);
    turn = mine.catch(() => undefined);
    return mine;
  }

  const promise = (bytes: number): Promise<void> =>
    inTurn(async () => {
      for (const slack of [SLACK_BYTES, 0]) {
        if (promised + bytes <= claimed) break;
        const wanted = promised + bytes + slack;
        if (await claims.raise(wanted)) {
          claimed = wanted;
          shown = wanted;
        }
      }
      if (promised + bytes > claimed) throw stagingFull();
      promised += bytes;
    });

  return {
    async hold(bytes) {
      await promise(bytes);
      let rest = bytes;
      return {
        async *fill(body) {
          for await (const chunk of body) {
            if (chunk.length > rest) {
              const more = Math.max(STEP_BYTES, chunk.length - rest);
              await promise(more);
              rest += more;
            }
            yield chunk;
            // Asked for the next: this one is on disk.
            rest -= chunk.length;
            promised -= chunk.length;
            claimed -= chunk.length;
          }
        },
        release() {
          promised -= rest;
          rest = 0;
        },
      };
    },
    renew: () =>
      inTurn(async () => {
        claimed = promised === 0 ? 0 : Math.min(claimed, promised + SLACK_BYTES);
        if (claimed === 0 && shown === 0) return;
        await claims.renew(claimed);
        shown = claimed;
      }),
  };
}

const stagingFull = () => new CodedError("STAGING_FULL", "exhausted", "the gateway has no room for these bytes now");
