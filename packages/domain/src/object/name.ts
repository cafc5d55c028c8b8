import { CodedError, FILE_NAME_BYTES_MAX, FILE_NAME_BYTES_MIN } from "@granary/primitives";

/** C0 controls, DEL, C1 controls: they cannot be stored as text, shown, or sent in a header. */
const isControl = (codePoint: number): boolean => codePoint < 0x20 || (codePoint >= 0x7f && codePoint < 0xa0);

/**
 * A name the chain takes. Its limits count UTF-8 bytes, not characters.
 * @throws CodedError FILE_NAME_MALFORMED, FILE_NAME_TOO_SHORT, FILE_NAME_TOO_LONG (invalid)
 */
export function checkFileName(name: string): string {
  if (!isWellFormed(name) || [...name].some((character) => isControl(character.codePointAt(0) as number))) {
    throw new CodedError("FILE_NAME_MALFORMED", "invalid", "a file name is Unicode text without control characters");
  }
  const nameBytes = Buffer.byteLength(name, "utf8");
  if (nameBytes < FILE_NAME_BYTES_MIN) {
    throw new CodedError("FILE_NAME_TOO_SHORT", "invalid", `a file name has at least ${FILE_NAME_BYTES_MIN} bytes`, {
      nameBytes,
    });
  }
  if (nameBytes > FILE_NAME_BYTES_MAX) {
    throw new CodedError("FILE_NAME_TOO_LONG", "invalid", `a file name has at most ${FILE_NAME_BYTES_MAX} bytes`, {
      nameBytes,
    });
  }
  return name;
}

/** False where half of a surrogate pair stands alone: such text has no UTF-8 form. */
function isWellFormed(text: string): boolean {
  return Buffer.from(text, "utf8").toString("utf8") === text;
}
