import fs from "node:fs";
import path from "node:path";
import { crc32 } from "node:zlib";
import { CodedError } from "@granary/primitives";
import type { Hex } from "../engine/codec.js";
import type { Block, BuiltBlock } from "../engine/engine.js";
import { decodeHeader, encodeHeader, headerHash } from "../engine/header.js";
import { Reader, Writer } from "../engine/scale.js";
import { readBytes, readChanges, writeBytes, writeChanges } from "./changes.js";
import type { Changes } from "./versioned-store.js";

/** Where sealed blocks go before anybody hears of them. */
export interface Journal {
  append(built: BuiltBlock): void;
  /** Resolves when everything appended so far would survive the machine's end. */
  sync(): Promise<void>;
  /** Starts a new file from a snapshot when the current one is long enough. */
  rotateIfDue(head: Block, entries: () => IterableIterator<[Hex, Uint8Array]>): void;
  close(): void;
}

/** For chains that end with their process. */
export const memoryJournal: Journal = {
  append: () => undefined,
  sync: async () => undefined,
  rotateIfDue: () => undefined,
  close: () => undefined,
};

export interface JournalLimits {
  /** Blocks of one file; also how many past blocks survive a restart at least. */
  readonly blocks: number;
  readonly bytes: number;
}

export interface Loaded {
  readonly genesisHash: Hex;
  readonly origin: BuiltBlock;
  readonly blocks: readonly BuiltBlock[];
}

/**
 * A folder of snapshots (`state-<height>`) and of the blocks that follow each (`blocks-<height>`): whole records,
 * each with its length and checksum. A process may end at any instant: a record that was being written is cut off at
 * the next start, a snapshot that was being written has not got its name yet. The last two generations are kept, so
 * the history that clients may ask for survives a restart.
 */
export class FileJournal implements Journal {
  private file = -1;
  private blocks = 0;
  private bytes = 0;

  private constructor(
    private readonly folder: string,
    private readonly genesisHash: Hex,
    private readonly limits: JournalLimits,
  ) {}

  /** What an earlier process left, or undefined in a new folder. Cuts a torn last record off. */
  static load(folder: string): Loaded | undefined {
    fs.mkdirSync(folder, { recursive: true });
    const heights = generations(folder);
    const first = heights[0];
    if (first === undefined) return undefined;
    const { genesisHash, origin } = readSnapshot(snapshotPath(folder, first));
    const blocks = heights.flatMap((height) => readBlocks(blocksPath(folder, height), height === heights.at(-1)));
    return { genesisHash, origin, blocks };
  }

  /** Opens for appending; in a new folder the genesis is made durable first. */
  static open(folder: string, genesis: { hash: Hex; origin: BuiltBlock }, limits: JournalLimits): FileJournal {
    const journal = new FileJournal(folder, genesis.hash, limits);
    let height = generations(folder).at(-1);
    if (height === undefined) {
      height = 0;
      journal.writeSnapshot(genesis.origin.block, genesis.origin.changes);
    }
    journal.openFile(height);
    return journal;
  }

  append({ block, changes }: BuiltBlock): void {
    const writer = new Writer();
    writeBlock(writer, block);
    writeChanges(writer, changes);
    const record = frame(writer.finish());
    writeAll(this.file, record);
    this.blocks += 1;
    this.bytes += record.length;
  }

  async sync(): Promise<void> {
    const { file } = this;
    await new Promise<void>((resolve, reject) => {
      fs.fdatasync(file, (error) => {
        // A rotation closed the file meanwhile: it was synced before.
        if (error !== null && file === this.file) reject(error);
        else resolve();
      });
    });
  }

  rotateIfDue(head: Block, entries: () => IterableIterator<[Hex, Uint8Array]>): void {
    if (this.blocks < this.limits.blocks && this.bytes < this.limits.bytes) return;
    fs.fdatasyncSync(this.file);
    this.writeSnapshot(head, new Map(entries()));
    const outdated = generations(this.folder).slice(0, -2);
    fs.closeSync(this.file);
    this.openFile(head.header.number);
    for (const height of outdated) {
      // The snapshot goes last: without it the blocks would mean nothing.
      fs.rmSync(blocksPath(this.folder, height), { force: true });
      fs.rmSync(snapshotPath(this.folder, height), { force: true });
    }
  }

  close(): void {
    if (this.file === -1) return;
    fs.fdatasyncSync(this.file);
    fs.closeSync(this.file);
    this.file = -1;
  }

  private openFile(height: number): void {
    const name = blocksPath(this.folder, height);
    this.file = fs.openSync(name, "a", 0o600);
    this.bytes = fs.fstatSync(this.file).size;
    this.blocks = this.bytes === 0 ? 0 : readRecords(name, false).length;
    syncFolder(this.folder);
  }

  private writeSnapshot(block: Block, state: Changes): void {
    const writer = new Writer();
    writeBytes(writer, Buffer.from(this.genesisHash.slice(2), "hex"));
    writeBlock(writer, block);
    writeChanges(writer, state);
    const name = snapshotPath(this.folder, block.header.number);
    const draft = `${name}.draft`;
    const file = fs.openSync(draft, "w", 0o600);
    writeAll(file, frame(writer.finish()));
    fs.fsyncSync(file);
    fs.closeSync(file);
    fs.renameSync(draft, name);
    syncFolder(this.folder);
  }
}

const snapshotPath = (folder: string, height: number): string => path.join(folder, `state-${height}`);
const blocksPath = (folder: string, height: number): string => path.join(folder, `blocks-${height}`);

function generations(folder: string): number[] {
  return fs
    .readdirSync(folder)
    .flatMap((name) => /^state-(\d+)$/.exec(name)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => a - b);
}

function writeAll(file: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length; ) done += fs.writeSync(file, bytes, done);
}

function syncFolder(folder: string): void {
  const handle = fs.openSync(folder, "r");
  fs.fsyncSync(handle);
  fs.closeSync(handle);
}

/** Length and CRC-32 before each record. */
const frameBytes = 8;

function frame(payload: Uint8Array): Buffer {
  const record = Buffer.allocUnsafe(frameBytes + payload.length);
  record.writeUInt32LE(payload.length, 0);
  record.writeUInt32LE(crc32(payload), 4);
  record.set(payload, frameBytes);
  return record;
}

function readRecords(name: string, isLast: boolean): Uint8Array[] {
  let mayEndTorn = isLast;
  if (!fs.existsSync(name)) return [];
  const bytes = fs.readFileSync(name);
  const records: Uint8Array[] = [];
  let at = 0;
  while (at + frameBytes <= bytes.length) {
    const end = at + frameBytes + bytes.readUInt32LE(at);
    const payload = bytes.subarray(at + frameBytes, end);
    const isWhole = end <= bytes.length && crc32(payload) === bytes.readUInt32LE(at + 4);
    // Only the last record can be torn; a bad one before others is damage that must not be cut away silently.
    if (!isWhole && end < bytes.length) mayEndTorn = false;
    if (!isWhole) break;
    records.push(payload);
    at = end;
  }
  if (at < bytes.length) {
    if (!mayEndTorn) throw new CodedError("JOURNAL_CORRUPT", "corrupt", `${name} is damaged at byte ${at}`);
    fs.truncateSync(name, at);
  }
  return records;
}

function writeBlock(writer: Writer, { header, extrinsics }: Block): void {
  writeBytes(writer, encodeHeader(header));
  writer.compact(BigInt(extrinsics.length));
  for (const bytes of extrinsics) writeBytes(writer, bytes);
}

function readBlock(reader: Reader): Block {
  const header = decodeHeader(readBytes(reader));
  const extrinsics = Array.from({ length: reader.count(1) }, () => new Uint8Array(readBytes(reader)));
  return { hash: headerHash(header), header, extrinsics };
}

function readBlocks(name: string, mayEndTorn: boolean): BuiltBlock[] {
  return readRecords(name, mayEndTorn).map((payload) => {
    const reader = new Reader(payload);
    return { block: readBlock(reader), changes: readChanges(reader) };
  });
}

function readSnapshot(name: string): { genesisHash: Hex; origin: BuiltBlock } {
  const payload = readRecords(name, false)[0];
  if (payload === undefined) throw new CodedError("JOURNAL_CORRUPT", "corrupt", `${name} is empty`);
  const reader = new Reader(payload);
  const genesisHash: Hex = `0x${Buffer.from(readBytes(reader)).toString("hex")}`;
  return { genesisHash, origin: { block: readBlock(reader), changes: readChanges(reader) } };
}
