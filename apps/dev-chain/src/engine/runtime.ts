import { buildMetadata } from "../metadata/build-metadata.js";
import { type RuntimeShape, renumbered, runtimeShape } from "../shape/runtime.js";
import { runtimeVersion } from "../shape/version.js";
import type { StateReader } from "../store/versioned-store.js";
import { textHex } from "./codec.js";

/** Well-known key under which nodes keep the runtime; clients tell runtimes apart by the hash of its value. */
export const codeKey = textHex(":code");

const codeText = "granary development runtime ";
export const codeOf = (specVersion: number): Uint8Array => Buffer.from(`${codeText}${specVersion}`);

/** One version of the rules written here: which one runs is what a state has under `:code`. */
export interface Runtime {
  readonly version: RuntimeShape["version"];
  readonly metadata: Uint8Array;
  /** What is added to the numbers of the pallet's events. */
  eventShift(pallet: string): number;
}

const built = new Map<number, Runtime>();

/** The runtime that would make the block after this state. A code that is none of ours changes nothing. */
export function runtimeIn(state: StateReader): Runtime {
  const code = Buffer.from(state.get(codeKey) ?? []).toString("utf8");
  const given = code.startsWith(codeText) ? Number(code.slice(codeText.length)) : Number.NaN;
  const specVersion = Number.isSafeInteger(given) ? given : runtimeVersion.specVersion;
  let runtime = built.get(specVersion);
  if (runtime === undefined) {
    const shape = runtimeShape(specVersion);
    const shift = shape.version.specVersion > runtimeVersion.specVersion ? renumbered.by : 0;
    runtime = {
      version: shape.version,
      metadata: buildMetadata(shape),
      eventShift: (pallet) => (pallet === renumbered.pallet ? shift : 0),
    };
    built.set(specVersion, runtime);
  }
  return runtime;
}
