/** Bytes `start` ≤ offset < `end` of a body; the rest is read and dropped. */
export async function* sliceOf(
  body: AsyncIterable<Uint8Array>,
  range: { readonly start: number; readonly end: number },
): AsyncGenerator<Uint8Array> {
  let at = 0;
  for await (const chunk of body) {
    const from = Math.max(0, range.start - at);
    const to = Math.min(chunk.length, range.end - at);
    at += chunk.length;
    if (from < to) yield chunk.subarray(from, to);
  }
}
