import { defaultedMap, optionalMap, type PalletShape } from "./shape.js";

export const oss: PalletShape = {
  name: "Oss",
  index: 108,
  module: "pallet_oss::pallet",
  calls: {
    authorize: [0, { operator: "AccountId32" }],
    cancel_authorize: [1, { oss: "AccountId32" }],
    register: [2, { endpoint: "[u8; 38]", domain: "BoundedVec<u8, 50>" }],
    update: [3, { endpoint: "[u8; 38]", domain: "BoundedVec<u8, 50>" }],
    destroy: [4, {}],
    proxy_authorzie: [5, { auth_puk: "[u8; 32]", sig: "BoundedVec<u8, 64>", payload: "ProxyAuthPayload" }],
    evm_proxy_authorzie: [6, { auth_puk: "[u8; 32]", sig: "[u8; 65]", payload: "ProxyAuthPayload" }],
  },
  events: {
    Authorize: [0, { acc: "AccountId32", operator: "AccountId32" }],
    CancelAuthorize: [1, { acc: "AccountId32", oss: "AccountId32" }],
    OssRegister: [2, { acc: "AccountId32", endpoint: "[u8; 38]" }],
    OssUpdate: [3, { acc: "AccountId32", new_endpoint: "[u8; 38]" }],
    OssDestroy: [4, { acc: "AccountId32" }],
  },
  errors: [
    "NoAuthorization",
    "Registered",
    "UnRegister",
    "OptionParseError",
    "BoundedVecError",
    "Existed",
    "MalformedSignature",
    "VerifySigFailed",
    "Expired",
    "ConvertError",
  ],
  storage: {
    AuthorityList: defaultedMap("AccountId32", "BoundedVec<AccountId32, 20>"),
    Oss: optionalMap("AccountId32", "OssInfo"),
  },
  constants: {
    P2PLength: ["u32", 200],
    AuthorLimit: ["u32", 20],
    PayloadExpired: ["u32", 100],
  },
};
