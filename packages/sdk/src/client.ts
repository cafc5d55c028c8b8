import type { Signer } from "@granary/chain-client";
import { CodedError } from "@granary/primitives";
import { download } from "./download.js";
import { follow, type UploadStatus, type WaitTarget } from "./follow.js";
import { createGateway, type Gateway } from "./gateway.js";
import { type ByteRange, type ObjectBody, type ObjectRequest, readObject } from "./read-object.js";
import { bytesSource, type Source, withFile } from "./source.js";
import { type UploadRequest, upload } from "./upload.js";

export interface ClientOptions {
  /** The gateway's address, without a path. */
  readonly url: string;
  /** Who stores, deletes, and reads what the gateway encrypted; reading alone can do without. */
  readonly signer?: Signer;
}

/** Bytes at hand, the path of a file, or anything that can be read again. */
export type Content = Uint8Array | { readonly file: string } | Source;

export interface PutOptions
  extends Pick<UploadRequest, "name" | "territory" | "cipher" | "encryptionKey" | "placement"> {
  /** Default `encoded`: the bytes are durable at the gateway, and the FID is known. */
  readonly waitFor?: WaitTarget;
  readonly onBytes?: (sent: number) => void;
  readonly onStatus?: (status: UploadStatus) => void;
}

export type GetOptions = Pick<ObjectRequest, "cipher" | "encryptionKey">;

/** What the catalogue and the chain say of an object. */
export interface ObjectMetadata {
  readonly fid: string;
  readonly size: number;
  readonly owner: readonly { readonly user: string; readonly file_name: string; readonly territory: string }[];
  /** `active` once twelve miners have reported; `pending` before the chain has it. */
  readonly state: string;
  readonly segmentCount: number;
}

export interface ListedObject {
  readonly territory: string;
  readonly fid: string;
  readonly size: number;
  readonly name?: string;
}

/** Every method throws CodedError: with the gateway's own code, or GATEWAY_UNREACHABLE. */
export interface Client {
  readonly gateway: Gateway;
  /** Stores an object, large ones in concurrent parts, and waits as long as it was asked to. */
  put(content: Content, options: PutOptions): Promise<UploadStatus>;
  /** Waits for more, or in another process. */
  follow(uploadId: string, target: WaitTarget, onStatus?: (status: UploadStatus) => void): Promise<UploadStatus>;
  /** An object's bytes, or some of them, as they come; what breaks off goes on where it broke. */
  get(fid: string, options?: GetOptions & { readonly range?: ByteRange }): Promise<ObjectBody>;
  /** An object into a file, which is there when it is whole; an earlier try is continued. */
  getFile(fid: string, file: string, options?: GetOptions): Promise<{ sizeBytes: number; sha256: string }>;
  stat(fid: string): Promise<ObjectMetadata>;
  /** What the chain says an account holds; by default, the signer's. */
  list(filter?: { readonly account?: string; readonly territory?: string }): Promise<readonly ListedObject[]>;
  remove(fid: string): Promise<void>;
}

const silent = (): void => {};

export function createClient({ url, signer }: ClientOptions): Client {
  const gateway = createGateway(url);
  const identity = signer === undefined ? {} : { signer: async () => signer };

  function ownSigner(): Signer {
    if (signer !== undefined) return signer;
    throw new CodedError("SIGNER_MISSING", "invalid", "this needs a signer, and the client was made without one");
  }

  async function put(content: Content, options: PutOptions): Promise<UploadStatus> {
    const { waitFor = "encoded", onBytes = silent, onStatus = silent, ...wanted } = options;
    const send = (source: Source) => upload({ gateway, signer: ownSigner(), source, onBytes, ...wanted });
    return follow(gateway, await withSource(content, send), waitFor, onStatus);
  }

  return {
    gateway,
    put,
    follow: (uploadId, target, onStatus = silent) => follow(gateway, uploadId, target, onStatus),
    get: (fid, { range, ...keys } = {}) => readObject({ gateway, fid, ...identity, ...keys }, range),
    getFile: (fid, file, keys = {}) =>
      download({ gateway, fid, file, onStart: silent, onBytes: silent, ...identity, ...keys }),
    stat: (fid) => gateway.call<ObjectMetadata>(`/file/metadata/${fid}`),
    async list({ account = ownSigner().account, territory } = {}) {
      const query = new URLSearchParams({ Account: account });
      if (territory !== undefined) query.set("Territory", territory);
      return (await gateway.call<ListedObject[] | null>(`/file/list?${query}`)) ?? [];
    },
    async remove(fid) {
      await gateway.call(`/file/${fid}`, { method: "DELETE", signer: ownSigner() });
    },
  };
}

function withSource<T>(content: Content, use: (source: Source) => Promise<T>): Promise<T> {
  if (content instanceof Uint8Array) return use(bytesSource(content));
  return "file" in content ? withFile(content.file, use) : use(content);
}
