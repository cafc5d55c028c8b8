import type { Ports } from "../ports.js";

/**
 * Stores a body in room that was promised before its first byte is read. What it does not fill is given back, however it
 * ends. `bytes` may be too few where the length is not known; more is then promised as the body comes.
 * @throws CodedError STAGING_FULL (exhausted), and what `store` throws
 */
export async function storeInRoom<T>(
  { stagingRoom }: Pick<Ports, "stagingRoom">,
  bytes: number,
  body: AsyncIterable<Uint8Array>,
  store: (body: AsyncIterable<Uint8Array>) => Promise<T>,
): Promise<T> {
  const room = await stagingRoom.hold(bytes);
  try {
    return await store(room.fill(body));
  } finally {
    room.release();
  }
}
