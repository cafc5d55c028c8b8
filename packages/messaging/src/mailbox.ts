/** What messaging needs of a service's outbox and inbox; the database package has the real ones. */
export interface OutboxRow {
  readonly id: string;
  readonly subject: string;
  readonly payload: unknown;
  /** W3C traceparent of what made the fact true. */
  readonly trace: string | null;
}

export interface Outbox {
  drain(limit: number, publish: (rows: readonly OutboxRow[]) => Promise<void>): Promise<number>;
  lagSeconds(): Promise<number>;
}

export interface Inbox<Tx> {
  once(consumer: string, messageId: string, effect: (tx: Tx) => Promise<void>): Promise<boolean>;
}

/** A message that its handler could not take, and that is not delivered again. */
export interface DeadLetter {
  readonly consumer: string;
  readonly messageId: string;
  /** Name of the contract. */
  readonly event: string;
  readonly payload: unknown;
  readonly code: string;
  readonly reason: string;
  readonly deliveries: number;
  readonly trace: string | null;
}

export interface DeadLetterBox {
  keep(letter: DeadLetter): Promise<void>;
  /** Those that nobody has settled. */
  count(): Promise<number>;
}
