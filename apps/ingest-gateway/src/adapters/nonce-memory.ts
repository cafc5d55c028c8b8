import type { Database } from "@granary/database";
import type { NonceMemory } from "../identity/bound-request.js";

/** Nonces in the database, so that a request signed for one gateway is not good once more for its replica. */
export const createNonceMemory =
  (database: Database): NonceMemory =>
  async (account, nonce, expiresAt) => {
    const { count } = await database.requestNonce.createMany({
      data: [{ account, nonce, expiresAt }],
      skipDuplicates: true,
    });
    return count === 1;
  };
