import { fileURLToPath } from "node:url";

/** The folder of the gRPC contracts: the root that their imports are relative to. */
export const protoFolder = fileURLToPath(new URL("../proto", import.meta.url));

/** One package; a breaking change is a new one beside it. */
export const protoPackage = "granary.v1";

export const protoFiles = ["object", "deal", "miner", "operator"].map((name) => `granary/v1/${name}.proto`);
