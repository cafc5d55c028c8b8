import { createHash } from "node:crypto";
import { type ChainUnderTest, publicKeyOf, signWith } from "./chain-under-test.js";

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

  /** The key of 32 zeros is what a development chain without workers accepts. */
  get worker(): string {
    return this.isThere ? toHex(publicKeyOf(worker)) : zeros(32);
  }

  private get isThere(): boolean {
    return this.chain.api.tx.teeWorker !== undefined;
  }

  async register(stash: string): Promise<void> {
    if (!this.isThere) return;
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

  /** A master signature: over the SHA-256 of what is attested. */
  sign(bytes: Uint8Array): string {
    return toHex(signWith(worker, createHash("sha256").update(bytes).digest()));
  }
}

export const spaceInfo = (proof: SpaceProof) => ({ ...proof, poisKey, accumulator: poisKey.g });

const toHex = (bytes: Uint8Array): string => `0x${Buffer.from(bytes).toString("hex")}`;
