/**
 * A bare TCP client for tests that speaks HTTP/1.1 and WebSocket (RFC 6455) by hand, so that it can also speak it wrong.
 *
 *   const client = await RawSocket.connect(port);
 *   await client.upgrade({ path: "/chat", headers: { cookie: "a=b" } });
 *   client.sendText("hello");
 *   expect(await client.nextText()).toBe("hello");
 *   client.sendClose(1000, "bye");
 *   expect(await client.nextClose()).toEqual({ code: 1000, reason: "bye" });
 *   await client.ended;
 *
 * 1. One read at a time: await `answer`, `nextFrame` and its kin before the next. Bytes that come early wait.
 * 2. A read rejects when the server ends first; its text says what was left over.
 * 3. `pause` makes a reader that stalls: bytes stay in the kernel's buffers until `resume`.
 * 4. Call `destroy` (or `destroyAll` in afterEach), else the open socket keeps jest alive.
 */
import { randomBytes } from "node:crypto";
import net from "node:net";

/** Sample key of RFC 6455 §1.3: 16 bytes as base64. */
export const SAMPLE_KEY = "dGhlIHNhbXBsZSBub25jZQ==";

const KINDS = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

export type FrameKind = keyof typeof KINDS;

/** A frame the server sent. */
export type Frame = {
  readonly kind: FrameKind;
  readonly final: boolean;
  /** The bits RSV1 to RSV3 as 0x40, 0x20, 0x10. */
  readonly reserved: number;
  readonly payload: Buffer;
};

export type HttpAnswer = {
  readonly status: number;
  readonly reason: string;
  /** Names in lower case; of several with one name the values, joined by ", ". */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
};

export type HeadOptions = {
  readonly method?: string;
  readonly path?: string;
  /** "1.1" unless told. */
  readonly version?: string;
  /** Replaces the usual header of that name (lower case); undefined leaves it out, a list sends it several times. */
  readonly headers?: Readonly<Record<string, string | readonly string[] | undefined>>;
};

/** A request head with `host: localhost` and nothing else, unless told. */
export function requestHead(options: HeadOptions = {}): string {
  const headers = { host: "localhost", ...options.headers };
  const lines = [`${options.method ?? "GET"} ${options.path ?? "/"} HTTP/${options.version ?? "1.1"}`];
  for (const [name, given] of Object.entries(headers)) {
    const values = typeof given === "string" ? [given] : (given ?? []);
    for (const value of values) lines.push(`${name}: ${value}`);
  }
  return `${lines.join("\r\n")}\r\n\r\n`;
}

/** The head of a correct WebSocket handshake, with `options.headers` in place of its own. */
export function upgradeHead(options: HeadOptions = {}): string {
  const headers = {
    upgrade: "websocket",
    connection: "Upgrade",
    "sec-websocket-version": "13",
    "sec-websocket-key": SAMPLE_KEY,
    ...options.headers,
  };
  return requestHead({ ...options, headers });
}

export type FrameOptions = {
  /** True unless told; false begins a fragmented message. */
  readonly final?: boolean;
  /** True unless told, as RFC 6455 §5.1 asks of clients. */
  readonly masked?: boolean;
  /** The bits RSV1 to RSV3 as 0x40, 0x20, 0x10; 0 unless told. */
  readonly reserved?: number;
};

/** A client's frame; `kind` may be a raw opcode. */
export function encodeFrame(
  kind: FrameKind | number,
  payload: string | Uint8Array = "",
  options: FrameOptions = {},
): Buffer {
  const bytes = Buffer.from(payload);
  const opcode = typeof kind === "number" ? kind : KINDS[kind];
  const head = [((options.final ?? true) ? 0x80 : 0) | (options.reserved ?? 0) | opcode];
  const masked = options.masked ?? true;
  const maskBit = masked ? 0x80 : 0;
  if (bytes.length < 126) {
    head.push(maskBit | bytes.length);
  } else if (bytes.length < 65_536) {
    head.push(maskBit | 126, bytes.length >> 8, bytes.length & 0xff);
  } else {
    const length = Buffer.alloc(8);
    length.writeBigUInt64BE(BigInt(bytes.length));
    head.push(maskBit | 127, ...length);
  }
  if (!masked) return Buffer.concat([Buffer.from(head), bytes]);
  const mask = randomBytes(4);
  for (let at = 0; at < bytes.length; at++) bytes[at] = (bytes[at] ?? 0) ^ (mask[at & 3] ?? 0);
  return Buffer.concat([Buffer.from(head), mask, bytes]);
}

/** The payload of a close frame. */
export function closePayload(code: number, reason: string | Uint8Array = ""): Buffer {
  const head = Buffer.alloc(2);
  head.writeUInt16BE(code);
  return Buffer.concat([head, Buffer.from(reason)]);
}

/** What a parser found at the start of the bytes, and how many it used; or how many it needs at least, more than there are. */
type Parsed<Found> = { readonly found: Found; readonly used: number } | { readonly needs: number };

const open = new Set<RawSocket>();

/** What is being read and has not come, with how many wait for it: says where a test that hangs does so. */
export function awaited(): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { reading } of open) if (reading !== null) counts[reading] = (counts[reading] ?? 0) + 1;
  return counts;
}

/** Destroys every RawSocket that is still open: for afterEach. */
export function destroyAll(): void {
  for (const client of open) client.destroy();
}

export class RawSocket {
  /** Resolves when the connection is over, however it ended. */
  readonly ended: Promise<void>;
  /** The connection itself, for what this class does not do. */
  readonly net: net.Socket;
  #reading: string | null = null;
  #chunks: Buffer[] = []; // joined when a read needs them: each byte once, however large what is read
  #length = 0; // bytes of all chunks
  #over = false;
  #wake: () => void = () => {};

  /** @param socket connected; owned from here on */
  constructor(socket: net.Socket) {
    this.net = socket;
    open.add(this);
    socket.on("data", (chunk: Buffer) => {
      this.#chunks.push(chunk);
      this.#length += chunk.length;
      this.#wake();
    });
    socket.on("error", () => {}); // a reset is an end like any other here; "close" follows
    socket.on("end", () => this.#finish());
    this.ended = new Promise((resolve) => {
      socket.on("close", () => {
        open.delete(this);
        this.#finish();
        resolve();
      });
    });
  }

  static connect(port: number, host = "127.0.0.1"): Promise<RawSocket> {
    return new Promise((resolve, reject) => {
      const socket = net.connect({ port, host, noDelay: true });
      socket.once("error", reject);
      socket.once("connect", () => {
        socket.off("error", reject);
        resolve(new RawSocket(socket));
      });
    });
  }

  /** What a read waits for; null: nobody reads. */
  get reading(): string | null {
    return this.#reading;
  }

  write(bytes: string | Uint8Array): void {
    this.net.write(bytes);
  }

  /** Writes a handshake and reads its answer. @throws {Error} it was refused */
  async upgrade(options: HeadOptions = {}): Promise<HttpAnswer> {
    const answer = await this.tryUpgrade(options);
    if (answer.status !== 101) throw new Error(`refused with ${answer.status}: ${answer.body}`);
    return answer;
  }

  /** Writes a handshake and reads its answer, whatever it is. */
  tryUpgrade(options: HeadOptions = {}): Promise<HttpAnswer> {
    this.write(upgradeHead(options));
    return this.answer();
  }

  /** Writes a plain request and reads its answer. `body` goes out as it is: give `content-length` yourself. */
  request(options: HeadOptions = {}, body: string | Uint8Array = ""): Promise<HttpAnswer> {
    this.write(Buffer.concat([Buffer.from(requestHead(options)), Buffer.from(body)]));
    return this.answer(options.method);
  }

  /** Reads one HTTP answer. Its body must have a Content-Length, or none. */
  async answer(method = "GET"): Promise<HttpAnswer> {
    const head = await this.#read("the head of an HTTP answer", parseHead);
    const bodiless = method === "HEAD" || head.status === 204 || head.status === 304 || head.status < 200;
    const length = bodiless ? 0 : Number(head.headers["content-length"] ?? 0);
    return { ...head, body: (await this.bytes(length)).toString() };
  }

  /** Reads exactly `count` bytes. */
  bytes(count: number): Promise<Buffer> {
    return this.#read(`${count} bytes`, (bytes) =>
      bytes.length < count ? { needs: count } : { found: bytes.subarray(0, count), used: count },
    );
  }

  nextFrame(): Promise<Frame> {
    return this.#read("a frame", parseFrame);
  }

  /** Reads a text frame. @throws {Error} another kind came */
  async nextText(): Promise<string> {
    return (await this.#expect("text")).toString();
  }

  /** Reads a binary frame. @throws {Error} another kind came */
  nextBinary(): Promise<Buffer> {
    return this.#expect("binary");
  }

  /** Reads a close frame; 1005 when it is empty. @throws {Error} another kind came */
  async nextClose(): Promise<{ code: number; reason: string }> {
    const payload = await this.#expect("close");
    if (payload.length < 2) return { code: 1005, reason: "" };
    return { code: payload.readUInt16BE(0), reason: payload.subarray(2).toString() };
  }

  sendText(text: string): void {
    this.write(encodeFrame("text", text));
  }

  sendBinary(bytes: Uint8Array): void {
    this.write(encodeFrame("binary", bytes));
  }

  sendPing(payload: string | Uint8Array = ""): void {
    this.write(encodeFrame("ping", payload));
  }

  sendPong(payload: string | Uint8Array = ""): void {
    this.write(encodeFrame("pong", payload));
  }

  sendClose(code: number, reason: string | Uint8Array = ""): void {
    this.write(encodeFrame("close", closePayload(code, reason)));
  }

  /** Stops reading, as a slow reader does. */
  pause(): void {
    this.net.pause();
  }

  resume(): void {
    this.net.resume();
  }

  /** Cuts the connection without a word. */
  destroy(): void {
    this.net.destroy();
  }

  async #expect(kind: FrameKind): Promise<Buffer> {
    const frame = await this.nextFrame();
    if (frame.kind !== kind) throw new Error(`wanted a ${kind} frame, got ${frame.kind}: ${frame.payload.toString()}`);
    return frame.payload;
  }

  async #read<Found>(what: string, parse: (bytes: Buffer) => Parsed<Found>): Promise<Found> {
    for (let needs = 0; ; ) {
      if (this.#length >= needs) {
        const bytes = this.#join(needs);
        const parsed = parse(bytes);
        if ("found" in parsed) {
          this.#length -= parsed.used;
          if (parsed.used < bytes.length) this.#chunks[0] = bytes.subarray(parsed.used);
          else this.#chunks.shift();
          return parsed.found;
        }
        needs = parsed.needs;
        continue;
      }
      if (this.#over) {
        const left = this.#join(this.#length).toString();
        throw new Error(`the server ended before ${what}; left over: ${JSON.stringify(left)}`);
      }
      this.#reading = what;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#reading = null;
    }
  }

  /** Makes the first chunk at least `count` bytes long, of which there are as many. @returns it */
  #join(count: number): Buffer {
    let [first = Buffer.alloc(0)] = this.#chunks;
    if (first.length < count) {
      let [joined, length] = [1, first.length];
      for (; length < count; joined++) length += this.#chunks[joined]?.length ?? 0;
      first = Buffer.concat(this.#chunks.slice(0, joined), length);
      this.#chunks.splice(0, joined);
      this.#chunks.unshift(first);
    }
    return first;
  }

  #finish(): void {
    this.#over = true;
    this.#wake();
  }
}

function parseHead(bytes: Buffer): Parsed<Omit<HttpAnswer, "body">> {
  const end = bytes.indexOf("\r\n\r\n");
  if (end < 0) return { needs: bytes.length + 1 };
  const [statusLine = "", ...lines] = bytes.subarray(0, end).toString().split("\r\n");
  const headers: Record<string, string> = {};
  for (const line of lines) {
    const name = line.slice(0, line.indexOf(":")).toLowerCase();
    const value = line.slice(line.indexOf(":") + 1).trim();
    headers[name] = headers[name] === undefined ? value : `${headers[name]}, ${value}`;
  }
  const [, status = "0", reason = ""] = /^HTTP\/1\.1 (\d{3}) ?(.*)$/.exec(statusLine) ?? [];
  return { found: { status: Number(status), reason, headers }, used: end + 4 };
}

function parseFrame(bytes: Buffer): Parsed<Frame> {
  if (bytes.length < 2) return { needs: 2 };
  const [first = 0, second = 0] = bytes;
  if ((second & 0x80) !== 0) throw new Error("the server masked a frame, which RFC 6455 §5.1 forbids");
  const opcode = first & 0x0f;
  const kind = (Object.keys(KINDS) as FrameKind[]).find((name) => KINDS[name] === opcode);
  if (kind === undefined) throw new Error(`the server sent opcode ${opcode}, which RFC 6455 §5.2 does not know`);
  const short = second & 0x7f;
  const start = short < 126 ? 2 : short === 126 ? 4 : 10;
  if (bytes.length < start) return { needs: start };
  const length = short < 126 ? short : short === 126 ? bytes.readUInt16BE(2) : Number(bytes.readBigUInt64BE(2));
  if (bytes.length < start + length) return { needs: start + length };
  const frame: Frame = {
    kind,
    final: (first & 0x80) !== 0,
    reserved: first & 0x70,
    payload: bytes.subarray(start, start + length),
  };
  return { found: frame, used: start + length };
}
