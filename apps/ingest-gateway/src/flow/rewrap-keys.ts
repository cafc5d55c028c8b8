import { randomBytes } from "node:crypto";
import { unwrapDataKey, WRAP_NONCE_BYTES, wrapDataKey } from "@granary/domain/encryption";
import type { Ports } from "../ports.js";
import { bindingOf } from "./object-key.js";

const BATCH = 100;

/**
 * Wraps under the operator's first key what is under another one that is still there. When no row names a key any more,
 * the operator can take it away. The objects themselves are not touched.
 */
export async function rewrapKeys(ports: Pick<Ports, "database" | "keyring" | "log">): Promise<"busy" | "idle"> {
  const { active, others, find } = ports.keyring;
  if (active === null || others.length === 0) return "idle";
  const rows = await ports.database.objectKey.findMany({
    where: { wrappedBy: { in: [...others] } },
    orderBy: { createdAt: "asc" },
    take: BATCH,
  });
  let count = 0;
  for (const row of rows) {
    const old = row.wrappedBy === null ? null : find(row.wrappedBy);
    if (old === null) continue;
    try {
      const binding = bindingOf(row);
      const dataKey = unwrapDataKey(row.wrappedKey, old, binding);
      const wrappedKey = new Uint8Array(wrapDataKey(dataKey, active.key, binding, randomBytes(WRAP_NONCE_BYTES)));
      // Another replica may have been first: then nothing is written.
      const written = await ports.database.objectKey.updateMany({
        where: { uploadId: row.uploadId, wrappedBy: row.wrappedBy },
        data: { wrappedBy: active.id, wrappedKey },
      });
      count += written.count;
    } catch (error) {
      ports.log.thrown("a key of an object cannot be wrapped anew", error, { uploadId: row.uploadId });
    }
  }
  if (count > 0) ports.log.info("keys of objects are wrapped anew", { count, wrappedBy: active.id });
  return count === BATCH ? "busy" : "idle";
}
