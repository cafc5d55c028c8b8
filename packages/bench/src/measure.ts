type Work = () => unknown;

/** Milliseconds of the clock. */
export async function wallMs(work: Work): Promise<number> {
  const startedAt = performance.now();
  await work();
  return performance.now() - startedAt;
}

/** Milliseconds of processor time, all threads of this process together: neighbours on the machine disturb it least. */
export async function cpuMs(work: Work): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

/**
 * Measures each variant once a round, in an order that turns from round to round, and gives each variant's measurements
 * in the order of rounds. One round before is not counted: it pays for what is only done once.
 */
export async function alternate<Variant extends string>(
  rounds: number,
  variants: Readonly<Record<Variant, () => Promise<number> | number>>,
): Promise<Record<Variant, number[]>> {
  const names = Object.keys(variants) as Variant[];
  const measured = Object.fromEntries(names.map((name) => [name, [] as number[]])) as Record<Variant, number[]>;
  for (const name of names) await variants[name]();
  for (let round = 0; round < rounds; round += 1) {
    for (let turn = 0; turn < names.length; turn += 1) {
      const name = names[(round + turn) % names.length] as Variant;
      measured[name].push(await variants[name]());
    }
  }
  return measured;
}
