import { defaulted, defaultedMap, optional, type PalletShape, twoxMap } from "./shape.js";
import { runtimeVersion, ss58Prefix } from "./version.js";

/** Bytes of all extrinsics of one block, by class. */
export const blockLength = { normal: 3_932_160, operational: 5_242_880, mandatory: 5_242_880 } as const;

const weight = (refTime: bigint, proofSize = 0n) => ({ refTime, proofSize });
const unlimited = 18_446_744_073_709_551_615n;
/** The classes share one budget here: nothing on a development chain is weighed. */
const classWeights = {
  baseExtrinsic: weight(108_157_000n),
  maxExtrinsic: weight(1_299_891_843_000n, unlimited),
  maxTotal: weight(1_500_000_000_000n, unlimited),
  reserved: weight(0n),
};
const blockWeights = {
  baseBlock: weight(431_614_000n),
  maxBlock: weight(2_000_000_000_000n, unlimited),
  perClass: { normal: classWeights, operational: classWeights, mandatory: classWeights },
};

export const system: PalletShape = {
  name: "System",
  index: 0,
  module: "frame_system::pallet",
  calls: {
    remark: [0, { remark: "Vec<u8>" }],
    set_storage: [4, { items: "Vec<(Vec<u8>, Vec<u8>)>" }],
    kill_storage: [5, { keys: "Vec<Vec<u8>>" }],
    kill_prefix: [6, { prefix: "Vec<u8>", subkeys: "u32" }],
    remark_with_event: [7, { remark: "Vec<u8>" }],
  },
  events: {
    ExtrinsicSuccess: [0, { dispatch_info: "DispatchEventInfo" }],
    ExtrinsicFailed: [1, { dispatch_error: "DispatchError", dispatch_info: "DispatchEventInfo" }],
    CodeUpdated: [2, {}],
    NewAccount: [3, { account: "AccountId32" }],
    KilledAccount: [4, { account: "AccountId32" }],
    Remarked: [5, { sender: "AccountId32", hash: "H256" }],
    UpgradeAuthorized: [6, { code_hash: "H256", check_version: "bool" }],
  },
  errors: [
    "InvalidSpecName",
    "SpecVersionNeedsToIncrease",
    "FailedToExtractRuntimeVersion",
    "NonDefaultComposite",
    "NonZeroRefCount",
    "CallFiltered",
    "MultiBlockMigrationsOngoing",
    "NothingAuthorized",
    "Unauthorized",
  ],
  storage: {
    Account: defaultedMap("AccountId32", "AccountInfo"),
    ExtrinsicCount: optional("u32"),
    InherentsApplied: defaulted("bool"),
    BlockWeight: defaulted("PerClassWeight"),
    AllExtrinsicsLen: optional("u32"),
    BlockHash: twoxMap("u32", "H256"),
    ExtrinsicData: twoxMap("u32", "Vec<u8>"),
    Number: defaulted("u32"),
    ParentHash: defaulted("H256"),
    Digest: defaulted("Digest"),
    Events: defaulted("Vec<EventRecord>"),
    EventCount: defaulted("u32"),
    EventTopics: defaultedMap("H256", "Vec<(u32, u32)>"),
    LastRuntimeUpgrade: optional("LastRuntimeUpgradeInfo"),
    UpgradedToU32RefCount: defaulted("bool"),
    UpgradedToTripleRefCount: defaulted("bool"),
    ExecutionPhase: optional("Phase"),
    AuthorizedUpgrade: optional("CodeUpgradeAuthorization"),
  },
  constants: {
    BlockWeights: ["BlockWeights", blockWeights],
    BlockLength: ["BlockLength", { max: blockLength }],
    BlockHashCount: ["u32", 2400],
    DbWeight: ["RuntimeDbWeight", { read: 25_000_000n, write: 100_000_000n }],
    Version: ["RuntimeVersion", runtimeVersion],
    SS58Prefix: ["u16", ss58Prefix],
  },
};
