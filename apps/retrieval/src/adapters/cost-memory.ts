import { readFile, rename, writeFile } from "node:fs/promises";
import path from "node:path";
import type { AccountId } from "@granary/primitives";
import type { Log } from "@granary/telemetry";
import { z } from "zod";
import type { MinerRecord } from "./miner-costs.js";

const recordForm = z.object({
  seconds: z.number().positive(),
  failures: z.number().min(0),
  failedAt: z.number().min(0),
});
const fileForm = z.record(z.string(), recordForm);

/**
 * What this process knows of miners, in a file for the one that comes after it. It only orders miners: where it is lost
 * or unreadable, they are learned anew.
 */
export function createCostMemory({ folder, log }: { readonly folder: string; readonly log: Log }): {
  load(): Promise<[AccountId, MinerRecord][]>;
  save(records: readonly (readonly [AccountId, MinerRecord])[]): Promise<void>;
} {
  const file = path.join(folder, "miner-costs.json");
  let saved = "";
  return {
    async load() {
      try {
        const found = fileForm.parse(JSON.parse(await readFile(file, "utf8")));
        return Object.entries(found) as [AccountId, MinerRecord][];
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "ENOENT") log.thrown("what was known of miners is lost", error);
        return [];
      }
    },
    async save(records) {
      const text = JSON.stringify(Object.fromEntries(records));
      if (text === saved) return;
      try {
        await writeFile(`${file}.new`, text);
        await rename(`${file}.new`, file);
        saved = text;
      } catch (error) {
        log.thrown("what is known of miners cannot be kept", error);
      }
    },
  };
}
