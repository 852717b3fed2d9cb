/** One try to get a page, over a connection of its own. */
import { connect } from "node:net";
import { statusOf } from "./start-figures.ts";

/** @returns undefined when nobody listens yet, or who does hangs up without an answer */
export function ask(port: number, path: string): Promise<number | undefined> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => {
      socket.write(`GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`);
    });
    socket.once("error", () => resolve(undefined));
    socket.once("close", () => resolve(undefined)); // no error where it closes in order; after an answer this says nothing
    socket.once("data", (head) => {
      resolve(statusOf(head.toString("latin1")));
      socket.destroy();
    });
  });
}
