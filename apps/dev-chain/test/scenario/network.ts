import { TCESS } from "../../src/index.js";
import { addressOf, ChainUnderTest, type Outcome } from "./chain-under-test.js";
import { defaultUnitPrice } from "./dialect.js";
import { spaceInfo, Tee } from "./tee.js";

export const MiB = 1n << 20n;
export const GiB = 1n << 30n;
/** What a segment occupies: three times 32 MiB. */
export const segmentBytes = 96n * MiB;
export const fragmentBytes = 8n * MiB;
export const oneDay = 14_400;
const frozenBlocks = 100_800;
/** One column of each deal for twelve, and one to spare. */
export const minerNames = Array.from({ length: 13 }, (_, i) => `//Column${i + 1}`);
/** Idle space of each, in units of 64 MiB: 16 GiB. */
const idleUnits = 256;
const minerStake = 4000n * TCESS;

export interface Territory {
  readonly token: string;
  readonly total: bigint;
  readonly used: bigint;
  readonly locked: bigint;
  readonly remaining: bigint;
  readonly start: number;
  readonly deadline: number;
  readonly state: string;
}

export interface Segment {
  readonly hash: string;
  readonly fragmentList: readonly string[];
}

interface Declaration {
  readonly fid: string;
  readonly owner: string;
  readonly territory: string;
  readonly segments?: readonly Segment[];
  readonly fileName?: string;
}

/** A storage network on the chain: thirteen miners with space, a worker that attests, and owners made on demand. */
export class Network {
  readonly tee: Tee;
  private ownersMade = 0;
  private readonly ready: string[] = [];
  private filesMade = 0;

  private constructor(readonly chain: ChainUnderTest) {
    this.tee = new Tee(chain);
  }

  static async prepare(url: string): Promise<Network> {
    const network = new Network(await ChainUnderTest.connect(url));
    await network.tee.register(addressOf("//Alice"));
    await network.givePrice();
    await network.fund([...minerNames], 5000n * TCESS);
    await Promise.all(minerNames.map((miner) => network.makeMiner(miner)));
    return network;
  }

  close(): Promise<void> {
    return this.chain.close();
  }

  /** From a funded account to a positive miner with idle space. */
  async makeMiner(miner: string, units = idleUnits): Promise<void> {
    const address = addressOf(miner);
    await this.must(miner, "sminer.regnstk", address, this.chain.dialect.place(miner), minerStake, 1);
    await this.must(miner, "sminer.registerPoisKey", ...this.poisKeyArgs(miner));
    await this.must(miner, "fileBank.certIdleSpace", ...this.idleProof(miner, 0, units));
  }

  poisKeyArgs(miner: string): readonly unknown[] {
    const proof = { miner: addressOf(miner), front: 0, rear: 0 };
    return [spaceInfo(proof).poisKey, ...this.tee.attestSpace(proof)];
  }

  idleProof(miner: string, front: number, rear: number): readonly unknown[] {
    const proof = { miner: addressOf(miner), front, rear };
    return [spaceInfo(proof), ...this.tee.attestSpace(proof)];
  }

  /** A new account with money and nothing else. */
  async owner(): Promise<string> {
    if (this.ready.length === 0) this.ready.push(...(await this.fundNew(20, 20_000n * TCESS)));
    return this.ready.pop()!;
  }

  async ownerWith(money: bigint): Promise<string> {
    return (await this.fundNew(1, money))[0]!;
  }

  private async fundNew(count: number, money: bigint): Promise<string[]> {
    const owners = Array.from({ length: count }, (_, i) => `//Owner//${this.ownersMade + i + 1}`);
    this.ownersMade += count;
    await this.fund(owners, money);
    return owners;
  }

  /** A new account with a territory called `home`. */
  async ownerWithTerritory(gib = 1): Promise<string> {
    const owner = await this.owner();
    await this.mint(owner, "home", gib);
    return owner;
  }

  async mint(owner: string, name: string, gib = 1, days = 30): Promise<void> {
    await this.must(owner, "storageHandler.mintTerritory", gib, name, days);
  }

  /** The hash of a file that nobody has. */
  newFile(): string {
    this.filesMade += 1;
    return this.filesMade.toString(16).padStart(64, "f");
  }

  segments(fid: string, count = 1, fragments = 12): Segment[] {
    return Array.from({ length: count }, (_, segment) => {
      const name = `${segment.toString(16).padStart(2, "0")}${fid.slice(-8)}`;
      return {
        hash: name.padStart(64, "a"),
        fragmentList: Array.from({ length: fragments }, (__, i) => `${name}${i.toString(16)}`.padStart(64, "b")),
      };
    });
  }

  declare(who: string, { fid, owner, territory, segments, fileName = "photo.jpg" }: Declaration): Promise<Outcome> {
    const brief = this.chain.dialect.brief(addressOf(owner), territory, fileName);
    return this.chain.run(who, "fileBank.uploadDeclaration", fid, segments ?? this.segments(fid), brief, 1_000_000);
  }

  report(miner: string, index: number, fid: string): Promise<Outcome> {
    return this.chain.run(miner, "fileBank.transferReport", index, fid);
  }

  /** Twelve miners report, column by column. @returns the outcome of the last */
  async reportAll(fid: string): Promise<Outcome> {
    await Promise.all(minerNames.slice(0, 11).map((miner, i) => this.report(miner, i + 1, fid)));
    return this.report(minerNames[11]!, 12, fid);
  }

  /** A file of an owner's, declared and reported. */
  async store(owner: string, territory: string, segmentCount = 1): Promise<string> {
    const fid = this.newFile();
    const declared = await this.declare(owner, { fid, owner, territory, segments: this.segments(fid, segmentCount) });
    if (declared.error !== null) throw new Error(`not declared: ${declared.error}`);
    const { error, events } = await this.reportAll(fid);
    if (!events.includes("fileBank.StorageCompleted")) throw new Error(`not stored: ${error ?? "no event"}`);
    return fid;
  }

  async territory(owner: string, name = "home"): Promise<Territory | null> {
    const found = await this.chain.read<Record<string, string | number> | null>(
      "storageHandler.territory",
      addressOf(owner),
      name,
    );
    if (found === null) return null;
    const { token, totalSpace, usedSpace, lockedSpace, remainingSpace, start, deadline, state } = found;
    return {
      token: String(token),
      total: BigInt(totalSpace!),
      used: BigInt(usedSpace!),
      locked: BigInt(lockedSpace!),
      remaining: BigInt(remainingSpace!),
      start: Number(start),
      deadline: Number(deadline),
      state: String(state),
    };
  }

  /** The territory comes to its deadline, which root brings near. */
  async freeze(owner: string, name = "home"): Promise<void> {
    const deadline = (await this.chain.height()) + 3;
    await this.moveDeadline(owner, name, deadline);
    await this.chain.reach(deadline);
  }

  async moveDeadline(owner: string, name: string, deadline: number): Promise<void> {
    await this.mustAsRoot("storageHandler.updateUserTerritoryLife", addressOf(owner), name, deadline);
    // The call forgets to count the territory where it goes, and some runtimes count on it when it is renewed.
    const one = this.chain.api.createType("u32", 1).toU8a();
    await this.chain.overwrite("storageHandler.territoryFrozenCounter", [deadline], one);
  }

  /** Seven days later, which root makes a few blocks. */
  async expire(owner: string, name = "home"): Promise<void> {
    await this.freeze(owner, name);
    const { token, deadline } = (await this.territory(owner, name))!;
    const at = (await this.chain.height()) + 3;
    await this.mustAsRoot("storageHandler.updateExpiredExec", deadline + frozenBlocks, at, token);
    await this.chain.reach(at);
  }

  /** What a call took from an account besides the fee of its transaction. */
  async spent(who: string, run: () => Promise<unknown>): Promise<bigint> {
    const before = await this.chain.freeOf(who);
    await run();
    return roundToTokens(before - (await this.chain.freeOf(who)));
  }

  async unitPrice(): Promise<bigint> {
    return BigInt(await this.chain.read<string | number>("storageHandler.unitPrice"));
  }

  async must(who: string, name: string, ...args: readonly unknown[]): Promise<Outcome> {
    const outcome = await this.chain.run(who, name, ...args);
    if (outcome.error !== null) throw new Error(`${name} by ${who}: ${outcome.error}`);
    return outcome;
  }

  async mustAsRoot(name: string, ...args: readonly unknown[]): Promise<void> {
    const { error } = await this.chain.root(name, ...args);
    if (error !== null) throw new Error(`${name} by root: ${error}`);
  }

  async fund(accounts: readonly string[], amount: bigint): Promise<void> {
    const transfers = accounts.map((who) =>
      this.chain.call("balances.transferKeepAlive", addressOf(who), amount.toString()),
    );
    await this.must("//Alice", "utility.batchAll", transfers);
  }

  private async givePrice(): Promise<void> {
    if ((await this.chain.read("storageHandler.unitPrice")) !== null) return;
    const value = this.chain.api.createType("u128", defaultUnitPrice).toU8a();
    await this.chain.overwrite("storageHandler.unitPrice", [], value);
  }
}

/** Fees are far below a token; prices here are whole tokens. */
const roundToTokens = (amount: bigint): bigint => (amount / TCESS) * TCESS;
