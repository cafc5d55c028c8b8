import { createHash } from "node:crypto";
import type { Codec } from "@polkadot/types/types";
import { addressOf, type ChainUnderTest, publicKeyOf, signWith } from "./chain-under-test.js";

const worker = "//Tee";
const zeros = (bytes: number) => `0x${"00".repeat(bytes)}`;
export const poisKey = { g: zeros(256), n: zeros(256) };

export interface SpaceProof {
  readonly miner: string;
  readonly front: number;
  readonly rear: number;
}

/** Signatures and worker, as the calls that prove idle space take them. */
export type Attestation = readonly [needVerify: string, signature: string, worker: string];

/** Stands for the trusted hardware: one key that is worker and master at once, and signs what it is asked to. */
export class Tee {
  constructor(private readonly chain: ChainUnderTest) {}

  get worker(): string {
    return toHex(publicKeyOf(worker));
  }

  async register(stash: string): Promise<void> {
    const { masterKey } = this.chain.dialect;
    const key = publicKeyOf(worker);
    const { error } = await this.chain.root("teeWorker.forceRegisterWorker", this.worker, zeros(32), stash);
    if (error !== null) throw new Error(`no TEE worker: ${error}`);
    await this.chain.overwrite(masterKey.item, [], masterKey.value(key));
    // One worker, that audits may choose.
    await this.chain.overwrite("teeWorker.validationTypeList", [], Buffer.concat([Buffer.from([4]), key]));
  }

  attestSpace(proof: SpaceProof): Attestation {
    const info = this.chain.call("fileBank.certIdleSpace", spaceInfo(proof), "0x", "0x", this.worker).args[0]!.toU8a();
    const signature = this.sign(Buffer.concat([info, Buffer.from(this.worker.slice(2), "hex")]));
    return [signature, signature, this.worker];
  }

  /** Arguments of `fileBank.calculateReport` for the miner's fragments of a file. */
  attestTags(miner: string, fileHash: string, fragments: readonly string[]): readonly unknown[] {
    const digest = fragments.map((fragment) => ({ fragment, teePuk: this.worker }));
    const info = { miner, digest, fileHash };
    const bytes = this.chain.call("fileBank.calculateReport", "0x", info).args[1]!.toU8a();
    return [this.sign(bytes), info];
  }

  /** Arguments of `audit.submitVerifyIdleResult` for the miner's open challenge. */
  async idleVerdict(miner: string, proof: string, isGood: boolean): Promise<readonly unknown[]> {
    const { minerSnapshot, challengeElement } = await this.challengeOf(miner);
    const { front, rear, accumulator } = minerSnapshot.spaceProofInfo;
    // What is signed is in no metadata: the fields in the order of the runtime's source.
    const signed = [
      publicKeyOf(miner),
      this.bytes(proof),
      front.toU8a(),
      rear.toU8a(),
      accumulator.toU8a(),
      challengeElement.spaceParam.toU8a(),
      Uint8Array.of(isGood ? 1 : 0),
      publicKeyOf(worker),
    ];
    return [proof, front, rear, accumulator, isGood, this.sign(Buffer.concat(signed)), this.worker];
  }

  /** Arguments of `audit.submitVerifyServiceResult` likewise. */
  async serviceVerdict(miner: string, proof: string, isGood: boolean): Promise<readonly unknown[]> {
    const { minerSnapshot, challengeElement } = await this.challengeOf(miner);
    const filter = minerSnapshot.serviceBloomFilter;
    const signed = [
      publicKeyOf(miner),
      publicKeyOf(worker),
      this.bytes(proof),
      Uint8Array.of(isGood ? 1 : 0),
      challengeElement.serviceParam.toU8a(),
      filter.toU8a(),
    ];
    return [isGood, this.sign(Buffer.concat(signed)), filter, this.worker];
  }

  private async challengeOf(miner: string): Promise<Challenge> {
    const found = await this.chain.api.query.audit!.challengeSnapShot!(addressOf(miner));
    return (found as unknown as { unwrap(): Challenge }).unwrap();
  }

  private bytes(hex: string): Uint8Array {
    return this.chain.api.createType("Bytes", hex).toU8a();
  }

  /** A master signature: over the SHA-256 of what is attested. */
  sign(bytes: Uint8Array): string {
    return toHex(signWith(worker, createHash("sha256").update(bytes).digest()));
  }
}

/** As much of a challenge as verdicts are about. */
interface Challenge {
  readonly minerSnapshot: {
    readonly spaceProofInfo: { readonly front: Codec; readonly rear: Codec; readonly accumulator: Codec };
    readonly serviceBloomFilter: Codec;
  };
  readonly challengeElement: { readonly spaceParam: Codec; readonly serviceParam: Codec };
}

export const spaceInfo = (proof: SpaceProof) => ({ ...proof, poisKey, accumulator: poisKey.g });

const toHex = (bytes: Uint8Array): string => `0x${Buffer.from(bytes).toString("hex")}`;
