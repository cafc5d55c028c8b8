/** Words in the names of fields and headers that carry keys or proofs of identity. */
const secretWords =
  /cipher(?!text)|signature|mnemonic|secret|passw|authorization|credential|(?:private|encryption|data|wrapping)[-_]?keys?|api_?key|cookie|^(seed|suri|token|.*[-_]token|.*[a-z]Token)$/i;
/** user:password@ in a URL. */
const urlPassword = /(\b[a-z][a-z0-9+.-]*:\/\/[^\s:/@]*):[^\s@/]+@/gi;
const CENSORED = "***";
const DEPTH_MAX = 6;

/** The same with everything blanked that by its name, or its form, is a secret. What it is given is not changed. */
export function redacted(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return clean(fields, 0) as Record<string, unknown>;
}

function clean(value: unknown, depth: number): unknown {
  if (typeof value === "string") return value.includes("://") ? value.replace(urlPassword, `$1:${CENSORED}@`) : value;
  if (depth >= DEPTH_MAX || typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map((item) => clean(item, depth + 1));
  // What is more than a record, a Date or a secret that prints itself blank, knows how to be printed.
  const prototype = Object.getPrototypeOf(value) as unknown;
  if (prototype !== Object.prototype && prototype !== null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => {
      const isSecret = secretWords.test(name) && item !== null && typeof item !== "boolean";
      return [name, isSecret ? CENSORED : clean(item, depth + 1)];
    }),
  );
}
