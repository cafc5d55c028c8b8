/** Bytes in and out, little endian, in the SCALE way. */
export class ScaleError extends Error {}

export class Reader {
  private at = 0;
  private readonly view: DataView;

  constructor(private readonly bytes: Uint8Array) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get offset(): number {
    return this.at;
  }

  get left(): number {
    return this.bytes.length - this.at;
  }

  take(length: number): Uint8Array {
    const end = this.advance(length);
    return this.bytes.subarray(end - length, end);
  }

  u8(): number {
    return this.view.getUint8(this.advance(1) - 1);
  }

  u16(): number {
    return this.view.getUint16(this.advance(2) - 2, true);
  }

  u32(): number {
    return this.view.getUint32(this.advance(4) - 4, true);
  }

  u64(): bigint {
    return this.view.getBigUint64(this.advance(8) - 8, true);
  }

  u128(): bigint {
    const low = this.u64();
    return low + (this.u64() << 64n);
  }

  compact(): bigint {
    const first = this.u8();
    const mode = first & 3;
    if (mode === 0) return BigInt(first >> 2);
    if (mode === 1) return BigInt((first | (this.u8() << 8)) >>> 2);
    if (mode === 2) return BigInt((first | (this.u16() << 8) | (this.u8() << 24)) >>> 2);
    const length = (first >> 2) + 4;
    let value = 0n;
    for (let i = 0; i < length; i += 1) value |= BigInt(this.u8()) << BigInt(8 * i);
    return value;
  }

  /** A count of items of at least `itemBytes` each: refuses what the input cannot hold. */
  count(itemBytes: number): number {
    const count = this.compact();
    if (count * BigInt(Math.max(itemBytes, 1)) > BigInt(this.left) && itemBytes > 0) {
      throw new ScaleError("more items announced than bytes follow");
    }
    return Number(count);
  }

  private advance(length: number): number {
    if (length > this.left) throw new ScaleError("input ends too early");
    this.at += length;
    return this.at;
  }
}

export class Writer {
  private bytes = Buffer.allocUnsafe(256);
  private length = 0;

  put(bytes: Uint8Array): void {
    const at = this.reserve(bytes.length);
    this.bytes.set(bytes, at);
  }

  u8(value: number): void {
    const at = this.reserve(1);
    this.bytes.writeUInt8(value, at);
  }

  u16(value: number): void {
    const at = this.reserve(2);
    this.bytes.writeUInt16LE(value, at);
  }

  u32(value: number): void {
    const at = this.reserve(4);
    this.bytes.writeUInt32LE(value, at);
  }

  u64(value: bigint): void {
    const at = this.reserve(8);
    this.bytes.writeBigUInt64LE(value, at);
  }

  u128(value: bigint): void {
    this.u64(value & 0xffffffffffffffffn);
    this.u64(value >> 64n);
  }

  compact(value: bigint): void {
    if (value < 1n << 6n) this.u8(Number(value) << 2);
    else if (value < 1n << 14n) this.u16((Number(value) << 2) | 1);
    else if (value < 1n << 30n) this.u32(((Number(value) << 2) | 2) >>> 0);
    else {
      const digits = value.toString(16);
      const bytes = Buffer.from(digits.length % 2 ? `0${digits}` : digits, "hex").reverse();
      const length = Math.max(bytes.length, 4);
      this.u8(((length - 4) << 2) | 3);
      this.put(bytes);
      for (let i = bytes.length; i < length; i += 1) this.u8(0);
    }
  }

  finish(): Uint8Array {
    return new Uint8Array(this.bytes.buffer.slice(this.bytes.byteOffset, this.bytes.byteOffset + this.length));
  }

  /** Makes room. May replace `bytes`: call it before using them. */
  private reserve(more: number): number {
    const start = this.length;
    this.length += more;
    if (this.length > this.bytes.length) {
      const larger = Buffer.allocUnsafe(Math.max(this.length, this.bytes.length * 2));
      this.bytes.copy(larger, 0, 0, start);
      this.bytes = larger;
    }
    return start;
  }
}
