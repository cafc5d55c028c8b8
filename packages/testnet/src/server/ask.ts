import { connect } from "node:net";

const ANSWER_TIMEOUT_MS = 2000;

/**
 * Connects to a loopback port, sends the question and returns what comes until `isWhole` says so; undefined when
 * nobody answers. For the plain-text greetings by which servers tell who they are.
 */
export function ask(port: number, question: string, isWhole: (answer: string) => boolean): Promise<string | undefined> {
  return new Promise((resolve) => {
    let answer = "";
    const socket = connect({ port, host: "127.0.0.1" });
    const finish = (result: string | undefined) => {
      socket.destroy();
      resolve(result);
    };
    socket.setTimeout(ANSWER_TIMEOUT_MS, () => finish(undefined));
    socket.on("error", () => finish(undefined));
    socket.on("close", () => finish(undefined));
    socket.on("connect", () => socket.write(question));
    socket.on("data", (chunk) => {
      answer += chunk.toString("utf8");
      if (isWhole(answer)) finish(answer);
    });
  });
}
