import { KEY_BYTES, type WrappingKey, wrappingKeyOf } from "@granary/domain/encryption";
import { CodedError } from "@granary/primitives";

export interface Keyring {
  /** What new keys are wrapped under; null where the operator keeps none. */
  readonly active: { readonly id: string; readonly key: WrappingKey } | null;
  /** Names of the others: what was wrapped under them shall be wrapped anew. */
  readonly others: readonly string[];
  /** Null where it is not there any more. */
  find(id: string): WrappingKey | null;
}

const entryForm = /^([\w.-]{1,64}):([A-Za-z0-9+/]{43}=)$/;

/**
 * The operator's keys: `ID:BASE64` of 32 bytes each, separated by commas or lines. New objects are wrapped under the
 * first; the others still open what was wrapped under them.
 *
 * @throws CodedError KEYRING_INVALID (invalid), which shows nothing of the keys
 */
export function parseKeyring(text: string): Keyring {
  const keys = new Map<string, WrappingKey>();
  for (const entry of text.split(/[\s,]+/).filter((one) => one !== "")) {
    const [, id = "", base64 = ""] = entryForm.exec(entry) ?? [];
    if (id === "" || keys.has(id)) {
      throw new CodedError("KEYRING_INVALID", "invalid", `each key is ID:BASE64 of ${KEY_BYTES} bytes, each ID once`);
    }
    keys.set(id, wrappingKeyOf(Buffer.from(base64, "base64")));
  }
  const [first] = keys;
  return {
    active: first === undefined ? null : { id: first[0], key: first[1] },
    others: [...keys.keys()].slice(1),
    find: (id) => keys.get(id) ?? null,
  };
}
