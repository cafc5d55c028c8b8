// Compiles assembly/kernel.ts into the committed assembly/kernel.wasm. With --check it writes nothing and fails where
// the committed binary is not what the source gives.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import asc from "assemblyscript/asc";

const source = new URL("../assembly/kernel.ts", import.meta.url);
const committed = new URL("../assembly/kernel.wasm", import.meta.url);

const folder = mkdtempSync(join(tmpdir(), "granary-kernel-"));
try {
  writeFileSync(join(folder, "kernel.ts"), readFileSync(source));
  const { error, stderr } = await asc.main([
    ...["kernel.ts", "--baseDir", folder, "--outFile", "kernel.wasm"],
    ...["--runtime", "stub", "--enable", "simd", "--enable", "threads", "--noAssert"],
    // As much as 32-bit addresses reach: the memory that is given decides.
    ...["--importMemory", "--noExportMemory", "--sharedMemory", "--initialMemory", "1", "--maximumMemory", "65536"],
    ...["--optimizeLevel", "3", "--shrinkLevel", "0", "--converge"],
  ]);
  if (error) throw new Error(`the kernel does not compile: ${stderr.toString()}`);
  const built = readFileSync(join(folder, "kernel.wasm"));
  if (!process.argv.includes("--check")) {
    writeFileSync(committed, built);
    console.log(`kernel.wasm: ${built.length} bytes`);
  } else if (!built.equals(readFileSync(committed))) {
    console.error("kernel.wasm is not what kernel.ts compiles to: run `pnpm --filter @granary/erasure kernel`");
    process.exitCode = 1;
  }
} finally {
  rmSync(folder, { recursive: true });
}
