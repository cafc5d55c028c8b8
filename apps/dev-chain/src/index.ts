export { createDevChain, type DevChain, type DevChainConfig } from "./dev-chain.js";
export { defaultGenesis, devAccounts, type Genesis, type GenesisMiner } from "./engine/genesis.js";
export { TCESS } from "./shape/version.js";
