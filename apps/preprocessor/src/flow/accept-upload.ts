import type { MessageOf } from "@granary/contracts";
import type { Transaction } from "@granary/database";
import type { EncodingStore } from "../ports.js";

/**
 * An upload has all its bytes. After: its encoding is a row; the sweep makes it a job. Heard of again after it has
 * ended, its end is announced again, because then the gateway has not heard of that.
 */
export async function acceptUpload(
  ports: { readonly encodings: Pick<EncodingStore, "accept"> },
  message: MessageOf<"uploadReceived">,
  tx: Transaction,
): Promise<void> {
  await ports.encodings.accept(tx, message);
}
