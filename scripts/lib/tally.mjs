/** Counts what passed and what failed, over checks and tests alike. */
export class Tally {
  passed = 0;
  failed = 0;
  skipped = 0;
  failures = [];
  secondTries = [];

  add({ passed = 0, failed = 0, skipped = 0 }) {
    this.passed += passed;
    this.failed += failed;
    this.skipped += skipped;
  }

  async check(name, work) {
    const began = performance.now();
    const isFine = await work();
    this.add(isFine ? { passed: 1 } : { failed: 1 });
    if (!isFine) this.failures.push(name);
    console.log(`${isFine ? "ok    " : "FAILED"} ${name} (${((performance.now() - began) / 1000).toFixed(1)} s)`);
    return isFine;
  }

  /** Nothing that ran is no success. */
  get exitCode() {
    return this.failed > 0 || this.passed === 0 ? 1 : 0;
  }

  get line() {
    const skipped = this.skipped > 0 ? `, ${this.skipped} skipped` : "";
    return `${this.passed} passed, ${this.failed} failed${skipped}`;
  }
}
