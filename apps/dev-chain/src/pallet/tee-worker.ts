import { encode, type Hex, hexLength } from "../engine/codec.js";
import { type Context, ensure, ensureRoot, fail, handler, type Pallet, signer } from "../engine/dispatch.js";
import { stored, storedMaybeMap } from "../engine/storage.js";
import {
  devTeeKey,
  lastWork,
  type MasterKey,
  masterKeyStatus,
  noteWork,
  verifiers,
  type Worker,
  workers,
} from "./attestation.js";
import { sr25519Matches } from "./sr25519-signature.js";
import { now } from "./timestamp.js";

const name = "TeeWorker";
/** Blocks without work after which a worker is struck off. */
const idleBlocksMax = 7200;
const day = 14_400;

const workerCount = stored<number>(name, "CounterForWorkers");
const addedAt = storedMaybeMap<[Hex], number>(name, "WorkerAddedAt");
const endpoints = storedMaybeMap<[Hex], string>(name, "Endpoints");
const masterKeyHistory = stored<MasterKey[]>(name, "MasterKeyHistory");
const isNoneAttestationEnabled = stored<boolean>(name, "NoneAttestationEnabled");

function addWorker(context: Context, worker: Worker): void {
  if (!workers.has(context.state, worker.pubkey)) workerCount.put(context.state, workerCount.get(context.state) + 1);
  workers.put(context.state, worker.pubkey, worker);
  addedAt.put(context.state, worker.pubkey, context.block);
  const { pubkey, attestationProvider, confidenceLevel } = worker;
  context.emit(name, "WorkerAdded", { pubkey, attestationProvider, confidenceLevel });
}

/** A full worker at root's word. It attests, but audits do not choose it. */
function forceRegister(context: Context, pubkey: Hex, ecdhPubkey: Hex, stashAccount: Hex | null): void {
  addWorker(context, {
    pubkey,
    ecdhPubkey,
    version: 0,
    lastUpdated: 1n,
    stashAccount,
    attestationProvider: "Root",
    confidenceLevel: 128,
    features: [1, 4],
    role: "Full",
    endpoint: "",
  });
}

/** The worker whose word a development chain takes. Nothing is paid for its work. */
export function genesisWorker(context: Context): void {
  forceRegister(context, devTeeKey, devTeeKey, null);
  isNoneAttestationEnabled.put(context.state, true);
}

type Registration = Pick<Worker, "pubkey" | "ecdhPubkey" | "version" | "stashAccount" | "features" | "role"> & {
  readonly endpoint: string;
};

/** No report of trusted hardware can be judged here: only workers that bring none are let in, where that is allowed. */
function register(context: Context, info: Registration, attestation: unknown): void {
  ensure(attestation === null, name, "UnsupportedAttestationType");
  ensure(isNoneAttestationEnabled.get(context.state), name, "NoneAttestationDisabled");
  const needsStash = info.role !== "Marker";
  ensure(needsStash === (info.stashAccount !== null), name, "WrongWorkerRole");
  const { pubkey, ecdhPubkey, version, stashAccount, features, role, endpoint } = info;
  const isNew = !workers.has(context.state, pubkey);
  addWorker(context, {
    pubkey,
    ecdhPubkey,
    version,
    lastUpdated: now.get(context.state) / 1000n,
    stashAccount,
    attestationProvider: null,
    confidenceLevel: 128,
    features,
    role,
    endpoint,
  });
  endpoints.put(context.state, pubkey, endpoint);
  noteWork(context, pubkey);
  if (isNew && needsStash) verifiers.put(context.state, [...verifiers.get(context.state), pubkey]);
}

function removeWorker(context: Context, key: Hex): void {
  if (!workers.has(context.state, key)) return;
  for (const item of [workers, addedAt, endpoints, lastWork]) item.remove(context.state, key);
  workerCount.put(context.state, workerCount.get(context.state) - 1);
  const others = verifiers.get(context.state).filter((verifier) => verifier !== key);
  verifiers.put(context.state, others);
}

/** Once a day those leave that did no work for half a day, but the holder of the master key. */
function removeIdle(context: Context): void {
  if (context.block % day !== 0) return;
  const status = masterKeyStatus.get(context.state);
  const holder = typeof status !== "string" && status.type === "Launched" ? status.value.holder : undefined;
  for (const key of lastWork.lastParts<Hex>(context.state)) {
    const isIdle = lastWork.get(context.state, key) + idleBlocksMax < context.block;
    if (!isIdle || key === holder || key === devTeeKey) continue;
    removeWorker(context, key);
    context.emit(name, "ClearInvalidTee", { pubkey: key });
  }
}

/** Root names the worker that shall make the master key. */
function launch(context: Context, holder: Hex, isRolling: boolean): void {
  ensureRoot(context);
  const status = masterKeyStatus.get(context.state);
  ensure(workers.has(context.state, holder), name, "WorkerNotFound");
  ensure(typeof status === "string" || status.type !== "Launching", name, "MasterKeyLaunching");
  ensure(typeof status === "string" || isRolling, name, "MasterKeyAlreadyLaunched");
  masterKeyStatus.put(context.state, { type: "Launching", value: holder });
  context.emit(name, "MasterKeyLaunching", { holder, rolling: typeof status !== "string" });
}

interface LaunchPayload {
  readonly launcher: Hex;
  readonly masterPubkey: Hex;
}

/** That worker tells the key, signed with its own. From here on the signatures of all workers are looked at. */
function settleLaunch(context: Context, payload: LaunchPayload, signature: Hex): void {
  signer(context);
  const status = masterKeyStatus.get(context.state);
  if (typeof status === "string" || status.type !== "Launching") fail(name, "MasterKeyLaunchRequire");
  ensure(status.value === payload.launcher, name, "InvalidMasterKeyFirstHolder");
  ensure(hexLength(signature) === 64, name, "InvalidSignatureLength");
  const signed = encode("MasterKeyLaunchPayload", payload);
  ensure(sr25519Matches(signed, signature, payload.launcher), name, "InvalidSignature");
  const seconds = now.get(context.state) / 1000n;
  const key: MasterKey = {
    pubkey: payload.masterPubkey,
    holder: payload.launcher,
    launchedAt: [context.block, seconds],
  };
  masterKeyStatus.put(context.state, { type: "Launched", value: key });
  masterKeyHistory.put(context.state, [...masterKeyHistory.get(context.state), key]);
  context.emit(name, "MasterKeyLaunched");
}

const asRoot = <Args>(run: (context: Context, args: Args) => void) =>
  handler((context, args: Args) => {
    ensureRoot(context);
    run(context, args);
  });

export const teeWorker: Pallet = {
  name,
  initialize: removeIdle,
  calls: {
    register_worker: handler((context, args: { cesealInfo: Registration; attestation: unknown }) => {
      signer(context);
      register(context, args.cesealInfo, args.attestation);
    }),
    force_register_worker: asRoot((context, args: { pubkey: Hex; ecdhPubkey: Hex; stashAccount: Hex | null }) =>
      forceRegister(context, args.pubkey, args.ecdhPubkey, args.stashAccount),
    ),
    force_clear_tee: asRoot((context, { puk }: { puk: Hex }) => removeWorker(context, puk)),
    launch_master_key: handler((context, args: { holder: Hex; rollIfLaunched: boolean }) =>
      launch(context, args.holder, args.rollIfLaunched),
    ),
    settle_master_key_launch: handler((context, args: { payload: LaunchPayload; signature: Hex }) =>
      settleLaunch(context, args.payload, args.signature),
    ),
    set_none_attestation_enabled: asRoot((context, { enabled }: { enabled: boolean }) =>
      isNoneAttestationEnabled.put(context.state, enabled),
    ),
  },
};
