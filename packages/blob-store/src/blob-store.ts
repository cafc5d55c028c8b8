import type { UploadId } from "@granary/primitives";

/**
 * The staged bytes of uploads. A part becomes visible whole or not at all, and once `writePart` has returned it
 * survives a crash. Parts are ordered by their index; together they are the object.
 */
export interface BlobStore {
  /**
   * Stores a part. A part of the same index is replaced.
   * @throws CodedError STAGING_FULL (exhausted) when the disk has no room; nothing of the part remains
   * @throws CodedError PART_LENGTH_WRONG (invalid) when the bytes are not exactly `expectedBytes`, where given
   */
  writePart(request: WritePart): Promise<WrittenPart>;
  /**
   * As writePart, but the bytes belong to no upload until they are placed: whoever receives the same part elsewhere at
   * the same time is not disturbed. What a crash leaves is removed with other unfinished bytes.
   */
  receivePart(request: PartBody): Promise<ReceivedPart>;
  /** Opens the parts of an upload as one object. @throws CodedError STAGED_OBJECT_ABSENT (absent) */
  open(uploadId: UploadId): Promise<StagedObject>;
  listParts(uploadId: UploadId): Promise<readonly StoredPart[]>;
  removePart(uploadId: UploadId, index: number): Promise<void>;
  /** Removes all of an upload. Removing what is not there is not an error. */
  remove(uploadId: UploadId): Promise<void>;
  /** Uploads that have anything stored. */
  listUploads(): AsyncIterable<UploadId>;
  /** Bytes that can still be stored. */
  freeBytes(): Promise<number>;
}

export interface PartBody {
  readonly body: AsyncIterable<Uint8Array>;
  readonly expectedBytes?: number;
  /** Stops with CodedError PART_TOO_LARGE (invalid) at the first byte beyond. */
  readonly maxBytes: number;
}

export interface WritePart extends PartBody {
  readonly uploadId: UploadId;
  readonly index: number;
}

export interface WrittenPart {
  readonly sizeBytes: number;
  /** SHA-256 of the part, hexadecimal. */
  readonly sha256: string;
}

/** Bytes that are durable and wait for their place. */
export interface ReceivedPart extends WrittenPart {
  /** Makes them a part of an upload, in place of one of the same index. */
  place(uploadId: UploadId, index: number): Promise<void>;
  /** Removes them, where they were not placed. */
  discard(): Promise<void>;
}

export interface StoredPart {
  readonly index: number;
  readonly sizeBytes: number;
}

/** An object that can be read at any offset, from parts that lie one behind the other. */
export interface StagedObject {
  readonly sizeBytes: number;
  /**
   * Fills `into` from `offset`; bytes beyond the end of the object are set to zero.
   * @returns how many bytes came from the object
   */
  read(offset: number, into: Uint8Array): Promise<number>;
  close(): Promise<void>;
}
