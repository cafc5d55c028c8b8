import { createHash } from "node:crypto";
import type {
  At,
  BlockRef,
  ChainFile,
  Deal,
  DealDeclaration,
  GatewayRecord,
  Inclusion,
  PreparedExtrinsic,
  SubmissionUpdate,
  Territory,
} from "@granary/chain-client";
import { type AccountId, CodedError, type Fid, GiB, STORED_BYTES_PER_SEGMENT } from "@granary/primitives";
import { poll } from "@granary/testnet";
import type { CallsPort, ChainPort, WriterPort } from "../../src/index.js";

interface State {
  readonly deals: Map<Fid, Deal>;
  readonly files: Map<Fid, ChainFile>;
  readonly territories: Map<string, Territory>;
  readonly authorized: Set<string>;
  readonly gateways: Map<AccountId, GatewayRecord>;
  readonly nonces: Map<AccountId, number>;
}
interface Block extends BlockRef {
  readonly state: State;
  readonly outcomes: readonly { readonly hash: string; readonly outcome: Inclusion["outcome"] }[];
}
type Call =
  | { readonly name: "upload_declaration"; readonly declaration: DealDeclaration }
  | { readonly name: "delete_file"; readonly owner: AccountId; readonly fid: Fid }
  | { readonly name: "register"; readonly domain: string };
interface Extrinsic {
  readonly signer: AccountId;
  readonly nonce: number;
  readonly death: number;
  readonly call: Call;
}

export type Fact =
  | {
      readonly kind: "reported";
      readonly fid: Fid;
      readonly index: number;
      readonly miner: AccountId;
      readonly block: number;
    }
  | { readonly kind: "activated"; readonly fid: Fid; readonly block: number; readonly miners: AccountId[] };

const BLOCK_MS = 60;
const FINALITY_LAG = 2;
const ERA_BLOCKS = 64;

const hashOf = (text: string): string => `0x${createHash("sha256").update(text).digest("hex")}`;
const refused = (pallet: string, name: string, code: string): Inclusion["outcome"] => ({
  ok: false,
  failure: { pallet, name },
  error: new CodedError(code, "denied", `${pallet}.${name}`),
});
const succeeded: Inclusion["outcome"] = { ok: true, events: [] };

/**
 * The chain's rules for deals, in memory, with blocks, a pool, nonces and finality two blocks behind. As on the real
 * one, an open deal is overwritten by whoever declares the FID next.
 */
export class FakeChain {
  readonly blocks: Block[];
  readonly pool = new Map<string, { hex: string; extrinsic: Extrinsic }>();
  /** Every declaration that was executed with success. */
  readonly declared: { fid: Fid; owner: AccountId; name: string; replaced: boolean }[] = [];
  /** Facts of blocks, handed out when these are final. */
  onFact: (fact: Fact) => void = () => {};
  /** Called before a submission reaches the pool; may throw in its place. */
  beforeSubmit: (hex: string) => void = () => {};
  readonly #operations: ((state: State, block: number) => void)[] = [];
  readonly #facts: Fact[] = [];
  readonly #timer: NodeJS.Timeout;

  constructor() {
    const state: State = {
      deals: new Map(),
      files: new Map(),
      territories: new Map(),
      authorized: new Set(),
      gateways: new Map(),
      nonces: new Map(),
    };
    this.blocks = [{ number: 0, hash: hashOf("0"), state, outcomes: [] }];
    this.#timer = setInterval(() => this.#seal(), BLOCK_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** Changes the state in the next block. */
  act(operation: (state: State, block: number) => void): void {
    this.#operations.push(operation);
  }

  buyTerritory(account: AccountId, name: string, totalBytes = 10 * GiB): void {
    const territory: Territory = {
      account,
      name,
      token: "0x00",
      state: "active",
      totalBytes,
      usedBytes: 0,
      lockedBytes: 0,
      remainingBytes: totalBytes,
      startBlock: 0,
      deadlineBlock: 1_000_000,
    };
    this.act((state) => state.territories.set(`${account} ${name}`, territory));
  }

  authorize(owner: AccountId, operator: AccountId): void {
    this.act((state) => state.authorized.add(`${owner} ${operator}`));
  }

  /** Somebody else's declaration, past our gateway. */
  declareAs(declaration: DealDeclaration): void {
    this.act((state) => void this.#declare(state, declaration));
  }

  /** A miner's report; what the chain would refuse has no effect. */
  report(fid: Fid, index: number, miner: AccountId): void {
    this.act((state, block) => this.reportIn(state, block, { fid, index, miner }));
  }

  reportIn(
    state: State,
    block: number,
    { fid, index, miner }: { readonly fid: Fid; readonly index: number; readonly miner: AccountId },
  ): void {
    const deal = state.deals.get(fid);
    if (deal === undefined || deal.reports.some((one) => one.index === index || one.miner === miner)) return;
    const reports = [...deal.reports, { index, miner }];
    this.#facts.push({ kind: "reported", fid, index, miner, block });
    if (reports.length < 12) return void state.deals.set(fid, { ...deal, reports });
    state.deals.delete(fid);
    const minerOf = (column: number) => reports.find((one) => one.index === column)?.miner as AccountId;
    const segments = deal.segments.map(({ hash, fragments }) => ({
      hash,
      fragments: fragments.map((one, i) => ({
        hash: one,
        miner: minerOf(i + 1),
        isAvailable: true,
        taggedBlock: null,
      })),
    }));
    const { sizeBytes, owner } = deal;
    state.files.set(fid, { fid, state: "active", sizeBytes, completedBlock: block, owners: [owner], segments });
    const miners = Array.from({ length: 12 }, (_, i) => minerOf(i + 1));
    this.#facts.push({ kind: "activated", fid, block, miners });
  }

  #head(): Block {
    return this.blocks.at(-1) as Block;
  }

  #at(at: At = "finalized"): Block {
    if (at === "best") return this.#head();
    if (at === "finalized") return this.blocks[Math.max(0, this.blocks.length - 1 - FINALITY_LAG)] as Block;
    const block = this.blocks.find(({ hash }) => hash === at);
    if (block === undefined) throw new CodedError("BLOCK_UNKNOWN", "absent", "no such block");
    return block;
  }

  #seal(): void {
    const { state: before, number: parent } = this.#head();
    const number = parent + 1;
    const state: State = {
      deals: new Map(before.deals),
      files: new Map(before.files),
      territories: new Map(before.territories),
      authorized: new Set(before.authorized),
      gateways: new Map(before.gateways),
      nonces: new Map(before.nonces),
    };
    for (const operation of this.#operations.splice(0)) operation(state, number);
    const outcomes: { hash: string; outcome: Inclusion["outcome"] }[] = [];
    const waiting = [...this.pool.values()].sort((a, b) => a.extrinsic.nonce - b.extrinsic.nonce);
    for (const { hex, extrinsic } of waiting) {
      const { signer, nonce, death, call } = extrinsic;
      const due = state.nonces.get(signer) ?? 0;
      if (nonce > due) continue;
      this.pool.delete(`${signer} ${nonce}`);
      if (nonce < due || number > death) continue;
      state.nonces.set(signer, due + 1);
      outcomes.push({ hash: hashOf(hex), outcome: this.#execute(state, call, signer) });
    }
    this.blocks.push({ number, hash: hashOf(`${number}`), state, outcomes });
    const final = this.#at().number;
    while (this.#facts[0] !== undefined && this.#facts[0].block <= final) this.onFact(this.#facts.shift() as Fact);
  }

  #execute(state: State, call: Call, signer: AccountId): Inclusion["outcome"] {
    switch (call.name) {
      case "upload_declaration":
        if (!state.authorized.has(`${call.declaration.owner} ${signer}`)) {
          return refused("FileBank", "NoPermission", "GATEWAY_NOT_AUTHORIZED");
        }
        return this.#declare(state, call.declaration);
      case "delete_file": {
        const file = state.files.get(call.fid);
        const owners = file?.owners.filter(({ account }) => account !== call.owner);
        if (file === undefined || owners === undefined)
          return refused("FileBank", "NonExistent", "CHAIN_ENTRY_UNKNOWN");
        if (owners.length === 0) state.files.delete(call.fid);
        else state.files.set(call.fid, { ...file, owners });
        return succeeded;
      }
      case "register":
        state.gateways.set(signer, { account: signer, domain: call.domain });
        return succeeded;
    }
  }

  #declare(state: State, declaration: DealDeclaration): Inclusion["outcome"] {
    const { fid, owner: account, name, territory, sizeBytes, segments } = declaration;
    const key = `${account} ${territory}`;
    const space = state.territories.get(key);
    if (space === undefined) return refused("StorageHandler", "NotHaveTerritory", "TERRITORY_UNKNOWN");
    const needed = segments.length * STORED_BYTES_PER_SEGMENT;
    if (space.remainingBytes <= needed) return refused("StorageHandler", "Insufficient", "TERRITORY_FULL");
    const owner = { account, territory, name };
    const file = state.files.get(fid);
    if (file?.owners.some((one) => one.account === account))
      return refused("FileBank", "Existed", "CHAIN_ENTRY_EXISTS");
    this.declared.push({ fid, owner: account, name, replaced: state.deals.has(fid) });
    state.territories.set(key, { ...space, remainingBytes: space.remainingBytes - needed });
    if (file !== undefined) state.files.set(fid, { ...file, owners: [...file.owners, owner] });
    else state.deals.set(fid, { fid, owner, sizeBytes, segments, reports: [] });
    return succeeded;
  }

  readonly reader: ChainPort = {
    deal: async (fid, at) => this.#at(at).state.deals.get(fid) ?? null,
    file: async (fid, at) => this.#at(at).state.files.get(fid) ?? null,
    territory: async (account, name, at) => this.#at(at).state.territories.get(`${account} ${name}`) ?? null,
    isAuthorized: async (owner, operator, at) => this.#at(at).state.authorized.has(`${owner} ${operator}`),
    finalizedHead: async () => this.#at(),
    bestHead: async () => this.#head(),
    blockHash: async (number) => this.blocks[number]?.hash ?? null,
    nonce: async (account, at) => this.#at(at).state.nonces.get(account) ?? 0,
    gateway: async (account, at) => this.#at(at).state.gateways.get(account) ?? null,
    freeBalance: async () => 1_000n,
  };

  readonly calls: CallsPort = {
    uploadDeclaration: (declaration) => callOf({ name: "upload_declaration", declaration }),
    deleteFile: (owner, fid) => callOf({ name: "delete_file", owner, fid }),
    registerGateway: (domain) => callOf({ name: "register", domain }),
    updateGateway: (domain) => callOf({ name: "register", domain }),
  };

  readonly writer: WriterPort = {
    prepare: async (signer, call, { nonce }): Promise<PreparedExtrinsic> => {
      const birthBlock = this.#at().number;
      const deathBlock = birthBlock + ERA_BLOCKS;
      const extrinsic: Extrinsic = { signer: signer.account, nonce, death: deathBlock, call: JSON.parse(call.hex) };
      const extrinsicHex = JSON.stringify({ ...extrinsic, birthBlock });
      return { extrinsicHex, hash: hashOf(extrinsicHex), nonce, birthBlock, deathBlock };
    },
    submit: (hex) => this.#submit(hex),
    offer: async (hex) => this.#enterPool(hex),
    findInclusion: async (hash, from, to) => this.#find(hash, from, to),
  };

  isConnected = () => true;
  close = async () => {};

  #find(hash: string, from: number, to: number): Inclusion | null {
    for (const block of this.blocks.slice(from, to + 1)) {
      const extrinsicIndex = block.outcomes.findIndex((one) => one.hash === hash);
      const found = block.outcomes[extrinsicIndex];
      if (found !== undefined) return { block, extrinsicIndex, outcome: found.outcome };
    }
    return null;
  }

  #enterPool(hex: string): void {
    this.beforeSubmit(hex);
    const extrinsic = JSON.parse(hex) as Extrinsic;
    const key = `${extrinsic.signer} ${extrinsic.nonce}`;
    const other = this.pool.get(key);
    if ((this.#head().state.nonces.get(extrinsic.signer) ?? 0) > extrinsic.nonce) {
      throw new CodedError("TX_NONCE_STALE", "conflict", "stale");
    }
    if (other !== undefined && other.hex !== hex) throw new CodedError("TX_NONCE_TAKEN", "conflict", "taken");
    this.pool.set(key, { hex, extrinsic });
  }

  async *#submit(hex: string): AsyncGenerator<SubmissionUpdate> {
    this.#enterPool(hex);
    const hash = hashOf(hex);
    yield { kind: "accepted" };
    await poll(() => this.#find(hash, 0, this.blocks.length) !== null, 120_000);
    const inclusion = this.#find(hash, 0, this.blocks.length);
    if (inclusion === null) return yield { kind: "dropped", reason: "not in time" };
    yield { kind: "inBlock", ...inclusion };
  }
}

const callOf = (call: Call) => ({ pallet: "test", name: call.name, hex: JSON.stringify(call) });
