/**
 * Who uploads in bench/upload: one socket, `inflight` chunks on their way, and the time until the last is answered.
 *
 * 1. Frames are made ahead but for their position; they are masked with zeros, which a server unmasks as any other mask.
 * 2. Each answer must be the two bytes of a success: any other ends it.
 * 3. What comes before the timed bytes is not timed: both servers begin it cold.
 */
import { connect, type Socket } from "node:net";

export type UploadJob = {
  readonly port: number;
  readonly path: string;
  readonly uuid: string;
  /** Bytes before the timed ones. */
  readonly warm: number;
  readonly bytes: number;
  readonly inflight: number;
};
/** @property seconds of the timed upload */
export type UploadOutcome = { readonly seconds: number; readonly chunks: number };

export const CHUNK: number = 128 * 1024; // bytes: what the SDK sends

const ANSWER = Buffer.of(0x82, 2, 0x08, 0x01); // a binary frame with a success
const content = Buffer.alloc(CHUNK, "0123456789abcdef, and so on: no two neighbouring pages are alike ");

/** A masked frame's head, by RFC 6455 §5.2. */
function head(opcode: number, length: number): Buffer {
  if (length < 126) return Buffer.of(0x80 | opcode, 0x80 | length, 0, 0, 0, 0);
  const long = Buffer.alloc(14);
  long[0] = 0x80 | opcode;
  long[1] = 0x80 | 127;
  long.writeBigUInt64BE(BigInt(length), 2);
  return long;
}

/** By the encoding of protobuf: seven bits a byte, the lowest first. */
function varint(value: number): readonly number[] {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) | 0x80);
  return [...bytes, rest];
}

function send(socket: Socket, position: number, length: number): void {
  const fields = Buffer.of(...(position > 0 ? [0x08, ...varint(position)] : []), 0x12, ...varint(length));
  socket.cork();
  socket.write(head(2, fields.byteLength + length));
  socket.write(fields);
  socket.write(length === CHUNK ? content : content.subarray(0, length));
  socket.uncork();
}

/** Resolves with what the server sends next. */
function next(socket: Socket): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    socket.once("data", resolve).once("error", reject);
  });
}

function upload(socket: Socket, from: number, bytes: number, inflight: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const chunks = Math.ceil(bytes / CHUNK);
    let [sent, answered] = [0, 0];
    let seen = 0; // bytes of the answer that is coming
    const more = (): void => {
      while (sent < chunks && sent - answered < inflight) {
        const position = sent++ * CHUNK;
        send(socket, from + position, Math.min(CHUNK, bytes - position));
      }
    };
    const take = (data: Buffer): void => {
      for (const byte of data) {
        if (byte !== ANSWER[seen]) return reject(new Error(`no success: ${data.toString("latin1")}`));
        seen = (seen + 1) % ANSWER.byteLength;
        if (seen === 0) answered++;
      }
      if (answered < chunks) return more();
      socket.off("data", take);
      resolve();
    };
    socket.on("data", take).once("close", () => reject(new Error(`closed after ${answered} of ${chunks} answers`)));
    more();
  });
}

async function main({ port, path, uuid, warm, bytes, inflight }: UploadJob): Promise<UploadOutcome> {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  socket.write(
    `GET ${path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`,
  );
  const upgraded = (await next(socket)).toString("latin1");
  if (!upgraded.startsWith("HTTP/1.1 101")) throw new Error(`no upgrade: ${upgraded}`);
  const hello = Buffer.from(JSON.stringify({ token: "bench", target: "file_upload", uuid }));
  socket.write(Buffer.concat([head(1, hello.byteLength), hello]));
  const answer = (await next(socket)).toString("latin1");
  if (!answer.includes('"success":true')) throw new Error(`refused: ${answer}`);
  if (warm > 0) await upload(socket, 0, warm, inflight);
  const begin = process.hrtime.bigint();
  await upload(socket, warm, bytes, inflight);
  const seconds = Number(process.hrtime.bigint() - begin) / 1e9;
  socket.destroy();
  return { seconds, chunks: Math.ceil(bytes / CHUNK) };
}

if (process.argv[2] !== undefined) {
  const outcome = await main(JSON.parse(process.argv[2]) as UploadJob);
  process.stdout.write(`${JSON.stringify(outcome)}\n`);
  process.exit(0);
}
