/** Reads from the chain that are under way at a time. */
const READS = 8;

/** Maps in order, some at a time; the first error ends it. */
export async function concurrently<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = new Array(items.length);
  let next = 0;
  const worker = async () => {
    while (next < items.length) {
      const index = next;
      next += 1;
      results[index] = await work(items[index] as T);
    }
  };
  await Promise.all(Array.from({ length: Math.min(READS, items.length) }, worker));
  return results;
}
