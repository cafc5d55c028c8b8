import { events } from "@granary/contracts";
import { type JetStreamManager, RetentionPolicy, StorageType } from "@nats-io/jetstream";

export const STREAM = "granary-facts";
const DAY_NANOS = 24 * 3600 * 1e9;

/** Creates the stream of facts, or brings its subjects up to date. Requests are not in it: a reply is not a fact. */
export async function ensureStream(manager: JetStreamManager): Promise<void> {
  const subjects = Object.values(events).map((event) => event.subject);
  const config = {
    name: STREAM,
    subjects,
    retention: RetentionPolicy.Limits,
    storage: StorageType.File,
    max_age: 7 * DAY_NANOS,
    duplicate_window: 120 * 1e9,
  };
  const known = await manager.streams.info(STREAM).catch(() => null);
  if (known === null) {
    await manager.streams.add(config).catch(async (error: unknown) => {
      // Another replica may have been first.
      if ((await manager.streams.info(STREAM).catch(() => null)) === null) throw error;
    });
    return;
  }
  if (subjects.some((subject) => !known.config.subjects.includes(subject))) {
    await manager.streams.update(STREAM, { ...known.config, subjects });
  }
}
