import { createServer, type Server, type Socket, connect as tcpConnect } from "node:net";

/** A way to a node that can go silent: connections stay, nothing comes through them any more. New ones work. */
export interface SilentProxy {
  readonly url: string;
  silence(): void;
  close(): Promise<void>;
}

export async function startSilentProxy(targetUrl: string): Promise<SilentProxy> {
  const target = new URL(targetUrl);
  const open = new Set<Socket>();
  const mute = new Set<Socket>();
  const server: Server = createServer((client) => {
    const node = tcpConnect(Number(target.port), target.hostname);
    for (const [from, to] of [
      [client, node],
      [node, client],
    ] as const) {
      open.add(from);
      from.on("data", (bytes) => {
        if (!mute.has(from)) to.write(bytes);
      });
      from.on("error", () => undefined);
      from.on("close", () => {
        open.delete(from);
        to.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("no port");
  return {
    url: `ws://127.0.0.1:${address.port}`,
    silence: () => {
      for (const socket of open) mute.add(socket);
    },
    close: async () => {
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
