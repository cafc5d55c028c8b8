import { createRequire } from "node:module";

/** The same file for the sources and for what is compiled from them; see `scripts/build-addon.mjs`. */
const addonPath = "../dist/addon.node";

const DIGEST_BYTES = 32;
/** The segment's own, then those of its twelve fragments. */
const DIGESTS_PER_SEGMENT = 13;
const FRAGMENTS_OF_DATA = 4;

/** What addon.c gives out. */
interface Addon {
  engines(): readonly { readonly index: number; readonly name: NativeEngineName; readonly groupMax: number }[];
  hashEach(engine: number, strings: readonly Uint8Array[], digests: Uint8Array): void;
  hashSegments(engine: number, data: readonly Uint8Array[], digests: Uint8Array): number;
}

/** Best first. */
export const nativeEngineNames = ["avx512", "avx2"] as const;
export type NativeEngineName = (typeof nativeEngineNames)[number];

/** One instruction set's kernels. Bytes may lie in any memory, shared by threads too, and are not copied. */
export interface NativeEngine {
  readonly name: NativeEngineName;
  /** How many segments fill all its lanes. */
  readonly groupMax: number;
  /** SHA-256 of each, whatever its length: 32 bytes each, one behind the other. @throws TypeError beyond 4096 of them */
  hashEach(strings: readonly Uint8Array[]): Uint8Array;
  /**
   * Thirteen digests of each segment, given by its four data fragments: its own, then its twelve fragments'. Parity is
   * made on the way and kept nowhere.
   * @throws TypeError for no segment or more than `groupMax`, or fragments that are not all of one positive multiple of
   *   64 bytes
   */
  hashSegments(segments: readonly (readonly Uint8Array[])[]): {
    /** For each segment, thirteen digests of 32 bytes. */
    readonly digests: readonly (readonly Uint8Array[])[];
    /** Of the time it took, what coding took. */
    readonly codingSeconds: number;
  };
}

/** The engines that this processor can run, best first; none where there is no add-on, or it is for another machine. */
export function nativeEngines(): NativeEngine[] {
  const addon = loadAddon();
  return addon === null ? [] : addon.engines().map((engine) => engineOf(addon, engine));
}

function loadAddon(): Addon | null {
  try {
    return createRequire(import.meta.url)(addonPath) as Addon;
  } catch {
    return null;
  }
}

function engineOf(addon: Addon, { index, name, groupMax }: ReturnType<Addon["engines"]>[number]): NativeEngine {
  return {
    name,
    groupMax,
    hashEach(strings) {
      const digests = new Uint8Array(strings.length * DIGEST_BYTES);
      addon.hashEach(index, strings, digests);
      return digests;
    },
    hashSegments(segments) {
      if (segments.some((data) => data.length !== FRAGMENTS_OF_DATA)) throw new TypeError("four data fragments each");
      const digests = new Uint8Array(segments.length * DIGESTS_PER_SEGMENT * DIGEST_BYTES);
      const codingSeconds = addon.hashSegments(index, segments.flat(), digests);
      const digest = (at: number) => digests.subarray(at * DIGEST_BYTES, (at + 1) * DIGEST_BYTES);
      return {
        digests: segments.map((_, i) =>
          Array.from({ length: DIGESTS_PER_SEGMENT }, (_, k) => digest(i * DIGESTS_PER_SEGMENT + k)),
        ),
        codingSeconds,
      };
    },
  };
}
