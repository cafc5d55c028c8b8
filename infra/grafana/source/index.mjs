import chain from "./chain.mjs";
import miners from "./miners.mjs";
import overview from "./overview.mjs";
import processes from "./processes.mjs";
import retrieval from "./retrieval.mjs";
import uploads from "./uploads.mjs";

/** File name → dashboard. */
export const dashboards = { overview, uploads, miners, chain, retrieval, processes };
