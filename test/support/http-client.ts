/** One HTTP request on a connection of its own, written by hand: nothing is normalised, followed or kept. */
import { type HeadOptions, type HttpAnswer, RawSocket } from "./sockets.ts";

export type Question = HeadOptions & { readonly body?: string | Uint8Array };

export type Answer = HttpAnswer & {
  /** Set-Cookie headers, each by itself. */
  readonly setCookies: readonly string[];
};

/** Content-Length and Host are given unless `headers` has them. */
export async function askHttp(port: number, question: Question = {}): Promise<Answer> {
  return await askOn(await RawSocket.connect(port), port, question);
}

/** The same over a connection that is there; it is cut afterwards. */
export async function askOn(client: RawSocket, port: number, { body, ...head }: Question = {}): Promise<Answer> {
  try {
    const length = body === undefined ? {} : { "content-length": String(Buffer.byteLength(body)) };
    const headers = { host: `127.0.0.1:${port}`, ...length, ...head.headers };
    const answer = await client.request({ ...head, headers }, body);
    const cookies = answer.headers["set-cookie"];
    return { ...answer, setCookies: cookies === undefined ? [] : cookies.split(", ") };
  } finally {
    client.destroy();
  }
}

/** The value of the cookie `name` that `answer` sets. @throws {Error} it sets none */
export function cookieSet(answer: Answer, name: string): string {
  const cookie = answer.setCookies.find((set) => set.startsWith(`${name}=`));
  if (cookie === undefined) throw new Error(`no cookie "${name}" was set: ${answer.setCookies.join(" | ")}`);
  return cookie.slice(name.length + 1, cookie.indexOf(";"));
}
