/**
 * When a signed message ends to be valid, as DeOSS reads it: the message itself names the instant, as Unix seconds
 * (10–12 digits), Unix milliseconds (13–15 digits) or `YYYY-MM-DD HH:MM:SS` in UTC. Any other text never ends.
 *
 * @returns milliseconds since the epoch, or null for "never"
 */
export function messageExpiry(message: string): number | null {
  if (/^[+-]?\d+$/.test(message)) {
    const value = Number(message);
    const digits = message.replace(/^[+-]/, "").length;
    if (digits >= 10 && digits <= 12) return value * 1000;
    if (digits >= 13 && digits <= 15) return value;
    return null;
  }
  const form = /^(\d{4})-(\d{2})-(\d{2}) (\d{2}):(\d{2}):(\d{2})$/.exec(message);
  if (form === null) return null;
  const [year, month, day, hour, minute, second] = form.slice(1).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const at = Date.UTC(year, month - 1, day, hour, minute, second);
  // A day like 31 February is no instant: then it is just text.
  return new Date(at).toISOString().slice(0, 19) === message.replace(" ", "T") ? at : null;
}
