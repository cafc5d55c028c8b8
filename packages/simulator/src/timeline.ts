/**
 * What is to happen, in the order of time; at one instant, in the order in which it was said. A binary heap.
 * Law: time never goes back, so the same events come in the same order in every run.
 */
export interface Timeline {
  readonly now: number;
  readonly pending: number;
  at(time: number, happen: () => void): void;
  /** Runs until nothing is left, or the next thing lies after `end`. */
  runUntil(end: number): void;
}

interface Entry {
  readonly time: number;
  readonly order: number;
  readonly happen: () => void;
}

const isBefore = (a: Entry, b: Entry): boolean => a.time < b.time || (a.time === b.time && a.order < b.order);

export function createTimeline(): Timeline {
  const heap: Entry[] = [];
  let now = 0;
  let said = 0;

  function push(entry: Entry): void {
    let place = heap.length;
    heap.push(entry);
    while (place > 0) {
      const above = (place - 1) >> 1;
      const parent = heap[above] as Entry;
      if (!isBefore(entry, parent)) break;
      heap[place] = parent;
      place = above;
    }
    heap[place] = entry;
  }

  function pop(): Entry {
    const first = heap[0] as Entry;
    const last = heap.pop() as Entry;
    if (heap.length === 0) return first;
    let place = 0;
    for (let child = 1; child < heap.length; child = 2 * place + 1) {
      if (child + 1 < heap.length && isBefore(heap[child + 1] as Entry, heap[child] as Entry)) child += 1;
      if (!isBefore(heap[child] as Entry, last)) break;
      heap[place] = heap[child] as Entry;
      place = child;
    }
    heap[place] = last;
    return first;
  }

  return {
    get now() {
      return now;
    },
    get pending() {
      return heap.length;
    },
    at(time, happen) {
      said += 1;
      push({ time: Math.max(now, time), order: said, happen });
    },
    runUntil(end) {
      while (heap.length > 0 && (heap[0] as Entry).time <= end) {
        const entry = pop();
        now = entry.time;
        entry.happen();
      }
      now = Math.max(now, end);
    },
  };
}
