import { connect, type Socket } from "node:net";

/** What a server says to a client that asked to hear everything. */
export interface Ear {
  /** All that was heard so far, one byte for each character. */
  heard(): string;
  close(): void;
}

function listen(url: string, greeting: string, answer: (socket: Socket, text: string) => void): Promise<Ear> {
  const { hostname, port } = new URL(url);
  const pieces: string[] = [];
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname);
    socket.once("error", reject);
    socket.on("data", (piece) => {
      const text = piece.toString("latin1");
      pieces.push(text);
      answer(socket, text);
    });
    socket.once("connect", () => {
      socket.write(greeting);
      resolve({ heard: () => pieces.join(""), close: () => socket.destroy() });
    });
  });
}

/** Every message that is published or asked, on any subject. */
export const listenToNats = (url: string): Promise<Ear> =>
  listen(url, 'CONNECT {"verbose":false}\r\nSUB > 1\r\n', (socket, text) => {
    if (text.includes("PING\r\n")) socket.write("PONG\r\n");
  });

/** Every command that any client sends. */
export const listenToRedis = (url: string): Promise<Ear> => listen(url, "MONITOR\r\n", () => {});
