/** A client's side of the opening handshake (RFC 6455 §4.1). */
import { randomBytes } from "node:crypto";

const HEAD_MAX = 16384; // bytes of an HTTP answer
const SHOWN_MAX = 200; // letters: enough to tell what was answered

export function upgradeRequest(port: number, path: string): string {
  const lines = [
    `GET ${path} HTTP/1.1`,
    `Host: 127.0.0.1:${port}`,
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    `Sec-WebSocket-Key: ${randomBytes(16).toString("base64")}`,
  ];
  return `${lines.join("\r\n")}\r\n\r\n`;
}

/** The answer's head, which may come in pieces. */
export class UpgradeAnswer {
  #head = "";

  /**
   * Takes the next `length` bytes.
   * @returns where in them the frames start; undefined while the head goes on
   * @throws {Error} it is not a 101
   */
  take(bytes: Buffer, length: number): number | undefined {
    const before = this.#head.length;
    this.#head += bytes.toString("latin1", 0, length);
    const end = this.#head.indexOf("\r\n\r\n");
    if (end === -1 && this.#head.length < HEAD_MAX) return undefined;
    if (end === -1 || !this.#head.startsWith("HTTP/1.1 101 ")) {
      throw new Error(`the upgrade was answered with ${JSON.stringify(this.#head.slice(0, SHOWN_MAX))}`);
    }
    this.#head = "";
    return end + 4 - before;
  }
}
