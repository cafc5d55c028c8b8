export { isPublicAddress } from "./address.js";
export type { Resolve } from "./dial.js";
export { checkEndpoint, type DialRules, type Endpoint, parseEndpoint } from "./endpoint.js";
export { MinerError, type MinerErrorCode, minerErrorCategories } from "./errors.js";
export type { GetFragment } from "./get-fragment.js";
export {
  createMinerClient,
  defaultMinerLimits,
  type MinerClient,
  type MinerClientOptions,
  type MinerLimits,
} from "./miner-client.js";
export type { MinerStatus, Ping } from "./ping.js";
export type { PutFragment } from "./put-fragment.js";
export type { Signer } from "./sign-headers.js";
