/** Remembers answers for a while; who asks meanwhile waits for the same answer. Errors are not remembered. */
export interface Memo<K, V> {
  get(key: K): Promise<V>;
  forget(key: K): void;
}

interface Remembered<V> {
  readonly answer: Promise<V>;
  expiresAt: number;
  weight: number;
}

export function createMemo<K, V>(options: {
  readonly load: (key: K) => Promise<V>;
  readonly keepMs: (value: V) => number;
  /** The weights of all that is remembered stay below; least recently asked goes first. */
  readonly weightMax: number;
  readonly weightOf: (value: V) => number;
}): Memo<K, V> {
  const remembered = new Map<K, Remembered<V>>();
  let weight = 0;

  function remove(key: K, entry: Remembered<V>): void {
    if (remembered.get(key) !== entry) return;
    remembered.delete(key);
    weight -= entry.weight;
  }

  function ask(key: K): Promise<V> {
    const entry: Remembered<V> = { answer: options.load(key), expiresAt: Number.POSITIVE_INFINITY, weight: 0 };
    remembered.set(key, entry);
    entry.answer.then(
      (value) => {
        if (remembered.get(key) !== entry) return;
        entry.expiresAt = performance.now() + options.keepMs(value);
        entry.weight = options.weightOf(value);
        weight += entry.weight;
        for (const [oldKey, old] of remembered) {
          if (weight <= options.weightMax) break;
          remove(oldKey, old);
        }
      },
      () => remove(key, entry),
    );
    return entry.answer;
  }

  return {
    get(key) {
      const entry = remembered.get(key);
      if (entry === undefined) return ask(key);
      remove(key, entry);
      if (entry.expiresAt <= performance.now()) return ask(key);
      remembered.set(key, entry);
      weight += entry.weight;
      return entry.answer;
    },
    forget(key) {
      const entry = remembered.get(key);
      if (entry !== undefined) remove(key, entry);
    },
  };
}
