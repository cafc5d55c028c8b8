import { blake2AsU8a } from "@polkadot/util-crypto";
import { Writer } from "../engine/scale.js";

/**
 * The Merkle trie that commits to a state: base 16, keys by their nibbles, BLAKE2b-256, nodes as the Polkadot
 * specification (appendix "state storage and the storage trie") encodes them. Nodes are never changed: a later state
 * shares with an earlier one whatever it did not touch, and each node is encoded and hashed once.
 */
export interface Node {
  /** Nibbles from the parent's branch to this node. */
  readonly path: Uint8Array;
  readonly value: Uint8Array | undefined;
  /** Sixteen, or none on a leaf. */
  readonly children: readonly (Node | undefined)[] | undefined;
}
export type Trie = Node | undefined;

/** From this version on, values longer than a hash are committed to by their hash. */
const hashedValuesSince = 1;
const inlineValueBytesMax = 32;
const hashBytes = 32;

export function nibblesOf(key: Uint8Array): Uint8Array {
  const nibbles = new Uint8Array(key.length * 2);
  for (const [i, byte] of key.entries()) {
    nibbles[2 * i] = byte >> 4;
    nibbles[2 * i + 1] = byte & 15;
  }
  return nibbles;
}

/** @param key nibbles from this node's parent on */
export function insert(node: Trie, key: Uint8Array, value: Uint8Array): Node {
  if (node === undefined) return { path: key, value, children: undefined };
  const shared = sharedLength(node.path, key);
  if (shared < node.path.length) return insert(split(node, shared), key, value);
  if (shared === key.length) return { ...node, value };
  return withChild(node, key[shared]!, (child) => insert(child, key.subarray(shared + 1), value));
}

export function remove(node: Trie, key: Uint8Array): Trie {
  if (node === undefined) return undefined;
  const shared = sharedLength(node.path, key);
  if (shared < node.path.length) return node;
  if (shared === key.length) return node.value === undefined ? node : tidy({ ...node, value: undefined });
  const at = key[shared]!;
  const child = node.children?.[at];
  const left = remove(child, key.subarray(shared + 1));
  return left === child ? node : tidy(withChild(node, at, () => left));
}

/** @param version 0: values stand in their nodes; 1: long ones by their hash */
export function rootOf(trie: Trie, version: number): Uint8Array {
  return blake2AsU8a(trie === undefined ? new Uint8Array([0]) : encodeNode(trie, version), 256);
}

/** The root of a list: its items under their SCALE-encoded positions. */
export function orderedRoot(items: readonly Uint8Array[], version: number): Uint8Array {
  let trie: Trie;
  for (const [i, item] of items.entries()) trie = insert(trie, nibblesOf(compact(i)), item);
  return rootOf(trie, version);
}

function sharedLength(a: Uint8Array, b: Uint8Array): number {
  let length = 0;
  while (length < a.length && length < b.length && a[length] === b[length]) length += 1;
  return length;
}

/** A branch of `length` nibbles that has the node as its only child. */
function split(node: Node, length: number): Node {
  const below = { ...node, path: node.path.subarray(length + 1) };
  return withChild(
    { path: node.path.subarray(0, length), value: undefined, children: undefined },
    node.path[length]!,
    () => below,
  );
}

function withChild(node: Node, at: number, change: (child: Trie) => Trie): Node {
  const children = node.children === undefined ? new Array<Trie>(16).fill(undefined) : [...node.children];
  children[at] = change(children[at]);
  return { ...node, children };
}

/** Takes away branches that are none any more. */
function tidy(node: Node): Trie {
  const alive = [...(node.children ?? []).entries()].filter(([, child]) => child !== undefined);
  if (alive.length === 0) return node.value === undefined ? undefined : { ...node, children: undefined };
  if (alive.length > 1 || node.value !== undefined) return node;
  const [at, only] = alive[0] as [number, Node];
  return { ...only, path: Uint8Array.of(...node.path, at, ...only.path) };
}

/** Of the two forms that nodes have: values in place, or long ones hashed. */
const references = [new WeakMap<Node, Uint8Array>(), new WeakMap<Node, Uint8Array>()] as const;

/** What a parent says of the node: itself where it is short, its hash otherwise. */
function referenceOf(node: Node, version: number): Uint8Array {
  const known = references[version >= hashedValuesSince ? 1 : 0];
  let reference = known.get(node);
  if (reference === undefined) {
    const encoding = encodeNode(node, version);
    reference = encoding.length < hashBytes ? encoding : blake2AsU8a(encoding, 256);
    known.set(node, reference);
  }
  return reference;
}

/** Leading bits of a node's header, and how many bits are left for the length of its path. */
const kinds = {
  leaf: { bits: 0b01, lengthBits: 6 },
  branch: { bits: 0b10, lengthBits: 6 },
  valueBranch: { bits: 0b11, lengthBits: 6 },
  hashedLeaf: { bits: 0b001, lengthBits: 5 },
  hashedBranch: { bits: 0b0001, lengthBits: 4 },
} as const;

function encodeNode({ path, value, children }: Node, version: number): Uint8Array {
  const writer = new Writer();
  const isHashed = version >= hashedValuesSince && value !== undefined && value.length > inlineValueBytesMax;
  const kind =
    children === undefined
      ? isHashed
        ? kinds.hashedLeaf
        : kinds.leaf
      : isHashed
        ? kinds.hashedBranch
        : value === undefined
          ? kinds.branch
          : kinds.valueBranch;
  writeHeader(writer, kind, path.length);
  if (path.length % 2 === 1) writer.u8(path[0]!);
  for (let i = path.length % 2; i < path.length; i += 2) writer.u8((path[i]! << 4) | path[i + 1]!);
  if (children !== undefined) writer.u16(children.reduce((bits, child, i) => (child ? bits | (1 << i) : bits), 0));
  if (isHashed) writer.put(blake2AsU8a(value, 256));
  else if (value !== undefined) writeSized(writer, value);
  for (const child of children ?? []) if (child !== undefined) writeSized(writer, referenceOf(child, version));
  return writer.finish();
}

function writeHeader(writer: Writer, { bits, lengthBits }: { bits: number; lengthBits: number }, length: number): void {
  const room = (1 << lengthBits) - 1;
  writer.u8((bits << lengthBits) | Math.min(length, room));
  if (length < room) return;
  let left = length - room;
  for (; left >= 255; left -= 255) writer.u8(255);
  writer.u8(left);
}

function writeSized(writer: Writer, bytes: Uint8Array): void {
  writer.compact(BigInt(bytes.length));
  writer.put(bytes);
}

function compact(value: number): Uint8Array {
  const writer = new Writer();
  writer.compact(BigInt(value));
  return writer.finish();
}
