import { cryptoFunctions } from "./crypto.js";
import type { Guest, HostFunctions } from "./guest.js";
import { hashingFunctions } from "./hashing.js";
import { allocatorFunctions, loggingFunctions, nodeFunctions, trieFunctions } from "./misc.js";
import { childStorageFunctions, storageFunctions } from "./storage.js";

export { type Guest, type Level, type Log, sized } from "./guest.js";

/** Every function that runtimes can call here, by the name they import it with. */
export const hostFunctions = (guest: Guest): HostFunctions => ({
  ...storageFunctions(guest),
  ...childStorageFunctions(guest),
  ...hashingFunctions(guest),
  ...cryptoFunctions(guest),
  ...allocatorFunctions(guest),
  ...loggingFunctions(guest),
  ...trieFunctions(guest),
  ...nodeFunctions(guest),
});
