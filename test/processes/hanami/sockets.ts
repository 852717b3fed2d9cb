/**
 * A client's two kinds of WebSocket: one file of a data set, one cluster. Written from contract hanami §4 to §7.
 *
 *   const uuid = await uploadDigits(hanami.port, anna, "held out", digits("seed", 100));
 *   const socket = await connectCluster(hanami.port, anna.token, cluster);
 *   const values = await socket.ask({ … });
 */
import { RawSocket } from "../../support/sockets.ts";
import { type ClientMessage, clientMessage } from "./client-message.ts";
import { type Digits, mnistFiles } from "./digits.ts";
import type { Client } from "./node.ts";

export type Shaken = { readonly success: boolean; readonly uuid?: string; readonly error?: string };

const CHUNK = 131_072; // bytes, as the SDK sends

/** @returns the socket and what the server said to the first message */
export async function shake(
  port: number,
  first: { readonly token: string; readonly target: string; readonly uuid: string },
): Promise<{ readonly socket: RawSocket; readonly answer: Shaken }> {
  const socket = await RawSocket.connect(port);
  await socket.upgrade({ path: "/" });
  socket.sendText(JSON.stringify(first));
  return { socket, answer: JSON.parse((await socket.nextBinary()).toString()) as Shaken };
}

export class ClusterSocket {
  readonly socket: RawSocket;

  constructor(socket: RawSocket) {
    this.socket = socket;
  }

  /** Sends one message. @returns the one reply */
  async say(said: ClientMessage): Promise<Buffer> {
    this.socket.sendBinary(clientMessage(said));
    return await this.socket.nextBinary();
  }

  /** @returns the values of the reply, read as a client of that dialect does */
  async ask(said: Omit<ClientMessage, "isLast" | "processType">): Promise<readonly number[]> {
    return valuesOf(await this.say({ ...said, isLast: true, processType: "request" }), said.dialect);
  }

  /** Sends what ends the connection. @returns how it was closed */
  async offend(bytes: Uint8Array): Promise<{ readonly code: number; readonly reason: string }> {
    this.socket.sendBinary(bytes);
    return await this.socket.nextClose();
  }
}

/** @throws {Error} it was refused */
export async function connectCluster(port: number, token: string, uuid: string): Promise<ClusterSocket> {
  const { socket, answer } = await shake(port, { token, target: "cluster", uuid });
  if (!answer.success) throw new Error(`the handshake was refused: ${answer.error}`);
  return new ClusterSocket(socket);
}

/** Announced, sent in chunks, finalized. @returns the data set's uuid */
export async function uploadDigits(port: number, client: Client, name: string, digits: Digits): Promise<string> {
  const { images, labels } = mnistFiles(digits);
  const sizes = { input_data_size: images.length, label_data_size: labels.length };
  const init = (await client.post("/v1/dataset/upload/mnist", { name, ...sizes })).body as Readonly<
    Record<string, string>
  >;
  const { uuid = "", uuid_input_file = "", uuid_label_file = "" } = init;
  await sendFile(port, client, uuid_input_file, images);
  await sendFile(port, client, uuid_label_file, labels);
  const done = await client.put("/v1/dataset/upload/mnist", { uuid, uuid_input_file, uuid_label_file });
  if (done.status !== 200) throw new Error(`the upload ended with ${done.status}: ${JSON.stringify(done.body)}`);
  return uuid;
}

async function sendFile(port: number, client: Client, uuid: string, bytes: Buffer): Promise<void> {
  const { socket, answer } = await shake(port, { token: client.token, target: "file_upload", uuid });
  if (!answer.success) throw new Error(`the handshake was refused: ${answer.error}`);
  for (let position = 0; position < bytes.length; position += CHUNK) {
    socket.sendBinary(chunk(position, bytes.subarray(position, position + CHUNK)));
    const reply = await socket.nextBinary();
    if (reply.toString("hex") !== "0801") throw new Error(`the chunk at ${position} was refused: ${reply.toString()}`);
  }
  socket.sendClose(1000);
  await socket.ended;
}

/** FileUpload_Message: position as field 1, data as field 2. */
function chunk(position: number, data: Uint8Array): Buffer {
  const head = position === 0 ? [] : [8, ...varint(position)];
  return Buffer.concat([Buffer.from([...head, 18, ...varint(data.length)]), data]);
}

function varint(value: number): readonly number[] {
  return value < 128 ? [value] : [(value % 128) | 128, ...varint(Math.floor(value / 128))];
}

/** Of a ClusterIO_Message: the packed floats of field 5 (W1) or 6 (W2). A reply in the other dialect has none. */
function valuesOf(reply: Buffer, dialect: "W1" | "W2"): readonly number[] {
  const wanted = dialect === "W1" ? 5 : 6;
  let at = 0;
  const number = (): number => {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = reply[at++] ?? 0;
      value += (byte & 127) * factor;
      if (byte < 128) return value;
    }
  };
  while (at < reply.length) {
    const tag = number();
    if ((tag & 7) === 0) number();
    else {
      const length = number();
      const part = reply.subarray(at, at + length);
      at += length;
      if (tag >> 3 === wanted) return Array.from({ length: length / 4 }, (_, index) => part.readFloatLE(4 * index));
    }
  }
  return [];
}
