/** What messaging needs of a service's outbox and inbox; the database package has the real ones. */
export interface OutboxRow {
  readonly id: string;
  readonly subject: string;
  readonly payload: unknown;
}

export interface Outbox {
  drain(limit: number, publish: (rows: readonly OutboxRow[]) => Promise<void>): Promise<number>;
  lagSeconds(): Promise<number>;
}

export interface Inbox<Tx> {
  once(consumer: string, messageId: string, effect: (tx: Tx) => Promise<void>): Promise<boolean>;
}
