import { createHash } from "node:crypto";
import type { ChainCall, ChainClient, Miner, Signer } from "@granary/chain-client";
import { CodedError, GiB, MiB } from "@granary/primitives";
import type { Attestor } from "./attest.js";

export interface Registration {
  readonly signer: Signer;
  readonly endpoint: string;
  readonly idleBytes: number;
}

type RegistrationChain = Pick<ChainClient, "reader" | "writer" | "calls">;

const TOKEN = 10n ** 18n;
/** What the chain wants locked for each TiB that a miner declares. */
const STAKE_PER_TIB = 4000n * TOKEN;
const TIB_BYTES = 1024 * GiB;
/** For fees, above the stake; filled up again when half of it is gone. */
const FEE_RESERVE = 200n * TOKEN;
/** One unit of certified idle space. */
const IDLE_UNIT_BYTES = 64 * MiB;
/** What the worker signs for itself, the chain keeps and does not look at. */
const NO_SIGNATURE = `0x${"00".repeat(64)}`;

/**
 * Brings every miner to state positive with its endpoint on chain: who lacks money is paid by `funder` in one
 * transaction, then each miner sends one of its own, all at once. What is in place already costs nothing, so a crash
 * midway is mended by the next start. @throws CodedError MINER_FUNDS_MISSING (exhausted), or the chain's refusal
 */
export async function registerMiners(
  chain: RegistrationChain,
  registrations: readonly Registration[],
  funder: Signer | null,
  attestor: Attestor,
): Promise<void> {
  await introduce(chain, funder, attestor);
  const known = await chain.reader.minersOf(
    registrations.map(({ signer }) => signer.account),
    "best",
  );
  await fund(chain, registrations, known, funder);
  await Promise.all(
    registrations.map(async (registration) => {
      const calls = missingCalls(chain, attestor, registration, known.get(registration.signer.account));
      if (calls.length === 0) return;
      const call = calls.length === 1 ? (calls[0] as ChainCall) : chain.calls.batch(calls);
      await chain.writer.signAndInclude(registration.signer, call);
    }),
  );
}

/** Before anybody is vouched for; said again, it changes nothing. */
async function introduce({ writer, calls }: RegistrationChain, root: Signer | null, attestor: Attestor): Promise<void> {
  const call = attestor.introduce(calls);
  if (call === null) return;
  if (root === null) throw new CodedError("TEE_WORKER_UNKNOWN", "invalid", "nobody can make the TEE worker known");
  await writer.signAndInclude(root, call);
}

const declaredTib = ({ idleBytes }: Registration): number => Math.ceil(idleBytes / TIB_BYTES);

async function fund(
  chain: RegistrationChain,
  registrations: readonly Registration[],
  known: ReadonlyMap<string, Miner>,
  funder: Signer | null,
): Promise<void> {
  const needs = await Promise.all(
    registrations.map(async (registration) => {
      const { account } = registration.signer;
      const stake = known.has(account) ? 0n : STAKE_PER_TIB * BigInt(declaredTib(registration));
      const free = await chain.reader.freeBalance(account, "best");
      return { account, missing: free >= stake + FEE_RESERVE / 2n ? 0n : stake + FEE_RESERVE - free };
    }),
  );
  const transfers = needs
    .filter(({ missing }) => missing > 0n)
    .map(({ account, missing }) => chain.calls.transfer(account, missing));
  if (transfers.length === 0) return;
  if (funder === null) {
    throw new CodedError("MINER_FUNDS_MISSING", "exhausted", "miners lack money for stake and fees, and nobody pays", {
      miners: transfers.length,
    });
  }
  await chain.writer.signAndInclude(funder, chain.calls.batch(transfers));
}

function missingCalls(
  chain: RegistrationChain,
  attestor: Attestor,
  registration: Registration,
  miner: Miner | undefined,
): ChainCall[] {
  const { signer, endpoint } = registration;
  const { calls } = chain;
  const missing: ChainCall[] = [];
  if (miner === undefined) {
    const tib = declaredTib(registration);
    const stake = STAKE_PER_TIB * BigInt(tib);
    missing.push(calls.registerMiner({ beneficiary: signer.account, endpoint, stake, declaredTib: tib }));
  } else if (miner.endpoint !== endpoint) {
    missing.push(calls.updateMinerEndpoint(endpoint));
  }
  if (miner === undefined || miner.state === "not ready") {
    missing.push(registerPoisKey(chain, attestor, signer), certifyIdleSpace(chain, attestor, registration));
  }
  return missing;
}

function registerPoisKey({ calls }: RegistrationChain, attestor: Attestor, signer: Signer): ChainCall {
  const poisKey = poisKeyOf(signer);
  const word = attestor.vouch(signer, { front: 0, rear: 0, poisKey, accumulator: poisKey.g });
  return calls.raw("Sminer", "register_pois_key", [poisKey, word, NO_SIGNATURE, attestor.teeKey]);
}

function certifyIdleSpace(
  { calls }: RegistrationChain,
  attestor: Attestor,
  { signer, idleBytes }: Registration,
): ChainCall {
  const proof = {
    front: 0,
    rear: Math.ceil(idleBytes / IDLE_UNIT_BYTES),
    poisKey: poisKeyOf(signer),
    accumulator: `0x${"00".repeat(256)}`,
  };
  const word = attestor.vouch(signer, proof);
  const info = { miner: signer.account, ...proof };
  return calls.raw("FileBank", "cert_idle_space", [info, word, NO_SIGNATURE, attestor.teeKey]);
}

/** A key of the form that proofs of space have, one for each miner; nothing is proven with it here. */
function poisKeyOf(signer: Signer): { g: string; n: string } {
  const filled = (label: string): string => {
    const digest = createHash("sha512").update(label).update(signer.publicKey).digest("hex");
    return `0x${digest.repeat(4)}`;
  };
  return { g: filled("g"), n: filled("n") };
}
