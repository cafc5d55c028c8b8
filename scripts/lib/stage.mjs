/** Runs one stage and says how long it took. */
export async function stage(name, work) {
  const began = performance.now();
  console.log(`${name} …`);
  const result = await work();
  console.log(`${name}: ${((performance.now() - began) / 1000).toFixed(1)} s`);
  return result;
}
