import { randomBytes } from "node:crypto";
import type { WebSocket } from "ws";
import type { Dispatcher } from "./dispatcher.js";
import { RpcError } from "./error.js";
import type { Caller, Notify } from "./method.js";

const subscriptionsMax = 4096;
/** A client that reads this much slower than it is told is let go. */
const unreadBytesMax = 64 * 1024 * 1024;

interface Subscription {
  /** Notifications from before the client learned the id. */
  early: string[] | undefined;
  isSilent: boolean;
  end: () => void;
}

/** One WebSocket client: its requests and its subscriptions. */
export class Connection implements Caller {
  private readonly subscriptions = new Map<string, Subscription>();
  private isAnswering = false;

  constructor(
    private readonly socket: WebSocket,
    private readonly dispatcher: Dispatcher,
  ) {
    socket.on("message", (data) => this.receive(String(data)));
    socket.on("close", () => this.end());
    socket.on("error", () => socket.terminate());
  }

  subscribe(notification: string, begin: (notify: Notify, end: () => void) => () => void): string {
    if (this.subscriptions.size >= subscriptionsMax)
      throw new RpcError(-32006, "Too many subscriptions on the connection");
    const id = randomBytes(8).toString("hex");
    const subscription: Subscription = { early: this.isAnswering ? [] : undefined, isSilent: false, end: () => {} };
    this.subscriptions.set(id, subscription);
    const notify: Notify = (result) => {
      if (subscription.isSilent) return;
      const text = JSON.stringify({ jsonrpc: "2.0", method: notification, params: { subscription: id, result } });
      if (subscription.early === undefined) this.send(text);
      else subscription.early.push(text);
    };
    subscription.end = begin(notify, () => this.unsubscribe(id));
    return id;
  }

  unsubscribe(id: string): boolean {
    const subscription = this.subscriptions.get(id);
    if (subscription === undefined) return false;
    this.subscriptions.delete(id);
    subscription.end();
    return true;
  }

  /** What is subscribed to now is heard of no more. @returns how many are silent */
  silence(): number {
    for (const subscription of this.subscriptions.values()) subscription.isSilent = true;
    return this.subscriptions.size;
  }

  private receive(text: string): void {
    this.isAnswering = true;
    const answer = this.dispatcher.answer(text, this);
    this.isAnswering = false;
    if (answer !== undefined) this.send(answer);
    for (const subscription of this.subscriptions.values()) {
      for (const early of subscription.early ?? []) this.send(early);
      subscription.early = undefined;
    }
  }

  private send(text: string): void {
    if (this.socket.readyState !== this.socket.OPEN) return;
    if (this.socket.bufferedAmount > unreadBytesMax) this.socket.terminate();
    else this.socket.send(text);
  }

  private end(): void {
    for (const { end } of this.subscriptions.values()) end();
    this.subscriptions.clear();
  }
}
