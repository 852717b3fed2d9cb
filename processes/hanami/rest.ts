/**
 * One HTTP request of a client of Hanami, from its bytes to its answer.
 *
 * Order of checks, upstream's: method and `..` → JSON → token → path → fields → the endpoint.
 *
 * 1. Statuses are 200, 400, 401, 404, 409 and 500: clients take any other for an answer without a body, and fail.
 * 2. A success is `text/json`, an error `text/plain` with one sentence. The body is JSON whatever its Content-Type says:
 *    the SDK sends none.
 * 3. An endpoint that takes longer than `answerSeconds` is answered with a 200 that begins with blanks, which JSON
 *    ignores, and ends with its result: the http-server gives a process 15 s. One that fails then is cut.
 */
import type { IncomingHttp } from "jackfield/process";
import { textOf } from "jackfield/protocol";
import {
  ApiError,
  type Caller,
  type Endpoint,
  type Generation,
  type JsonObject,
  JsonPieces,
  type Result,
} from "./endpoint.ts";
import { checkFields, readQuery } from "./fields.ts";
import type { Front } from "./front.ts";
import { placeOf, type Router } from "./router.ts";
import { login } from "./users/login.ts";
import type { Throttle } from "./users/throttle.ts";
import { isSafeToken } from "./users/token.ts";

const METHODS = ["GET", "POST", "PUT", "DELETE"];
const BLANK_SECONDS = 5; // s: between two blanks of an answer that takes its time; proxies cut what is silent for 60
const JSON_TYPE = { "Content-Type": "text/json" };
const TEXT_TYPE = { "Content-Type": "text/plain; charset=utf-8" };

export class Rest {
  readonly #front: Front;
  readonly #router: Router;
  readonly #throttle: Throttle;
  #running = 0;

  constructor(front: Front, router: Router, throttle: Throttle) {
    this.#front = front;
    this.#router = router;
    this.#throttle = throttle;
  }

  /** Answers, now or later; never throws. */
  async serve(request: IncomingHttp): Promise<void> {
    if (this.#running >= this.#front.limits.requests)
      return refuse(request, new ApiError(500, "Too many requests are under way: try again."));
    this.#running++;
    try {
      await this.#answer(request, this.#result(request));
    } catch {
      // the client has left, or this incarnation has ended: nobody is there to be told
    } finally {
      this.#running--;
    }
  }

  async #answer(request: IncomingHttp, result: Promise<Result>): Promise<void> {
    let isLate = false;
    let settled = (): void => undefined;
    const late = new Promise<void>((resolve) => {
      const timer = setTimeout(() => {
        isLate = true;
        resolve();
      }, this.#front.limits.answerSeconds * 1000);
      settled = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    result.then(settled, settled);
    await late;
    if (isLate) return await this.#stream(request, result);
    try {
      const body = await result;
      if (body instanceof JsonPieces) return await request.pipe(body.pieces, { headers: JSON_TYPE });
      request.reply(JSON.stringify(body), { headers: JSON_TYPE });
    } catch (thrown) {
      refuse(request, this.#errorOf(request, thrown));
    }
  }

  async #stream(request: IncomingHttp, result: Promise<Result>): Promise<void> {
    const writer = request.stream({ headers: JSON_TYPE });
    const blank = (): void => void writer.write(" ").catch(() => undefined);
    blank(); // with it the head goes out
    const blanks = setInterval(blank, BLANK_SECONDS * 1000);
    try {
      const body = await result;
      if (body instanceof JsonPieces) for await (const piece of body.pieces) await writer.write(piece);
      else await writer.write(JSON.stringify(body));
      await writer.end();
    } catch (thrown) {
      writer.cut();
      this.#front.ctx.log(`${request.method} ${request.path} was cut: ${textOf(thrown)}`);
    } finally {
      clearInterval(blanks);
    }
  }

  async #result(request: IncomingHttp): Promise<Result> {
    const { method, path } = request;
    if (!METHODS.includes(method)) throw new ApiError(400, `The method must be one of ${METHODS.join(", ")}.`);
    if (path.includes("..")) throw new ApiError(400, 'The path must not have ".." in it.');
    const body = method === "POST" || method === "PUT" ? this.#body(request) : undefined;
    const place = placeOf(path);
    if (method === "POST" && place?.path === "token" && body !== undefined)
      return await login(this.#front.accounts, this.#throttle, addressOf(request), body);
    const caller = this.#caller(request, place?.generation);
    const endpoint = place === undefined ? undefined : this.#router.find(method, place.path);
    if (place === undefined || endpoint === undefined)
      throw new ApiError(404, `There is no ${method} ${path.slice(0, 200)} here.`);
    const input = this.#input(endpoint, request, body);
    return await endpoint.handle({ generation: place.generation, caller, input, ctx: this.#front.ctx });
  }

  #input(endpoint: Endpoint, request: IncomingHttp, body: JsonObject | undefined): JsonObject {
    return checkFields(endpoint.fields, body ?? readQuery(endpoint.fields, request.queryParams));
  }

  #body({ blob }: IncomingHttp): JsonObject {
    const { bodyBytes } = this.#front.limits;
    if (blob.byteLength > bodyBytes)
      throw new ApiError(400, `The body must be at most ${bodyBytes} bytes: got ${blob.byteLength}.`);
    const value = parsed(blob.text());
    if (typeof value !== "object" || value === null || Array.isArray(value))
      throw new ApiError(400, "The body must be a JSON object.");
    return value as JsonObject;
  }

  #caller({ headers }: IncomingHttp, generation: Generation | undefined): Caller {
    const token = headers["x-auth-token"];
    if (token === undefined || token === "") throw new ApiError(401, "The header X-Auth-Token is missing.");
    if (generation === "G1" && !isSafeToken(token))
      throw new ApiError(400, "The header X-Auth-Token must be a token: it has other letters.");
    const caller = this.#front.accounts.verify(token);
    if (caller === undefined) throw new ApiError(401, "The token is not valid: it may have expired.");
    return caller;
  }

  #errorOf(request: IncomingHttp, thrown: unknown): ApiError {
    if (thrown instanceof ApiError) return thrown;
    this.#front.ctx.log(`${request.method} ${request.path} failed: ${textOf(thrown)}`);
    return new ApiError(500, "");
  }
}

function refuse(request: IncomingHttp, { status, text }: ApiError): void {
  request.reply(text, { status, headers: TEXT_TYPE });
}

function parsed(text: string | undefined): unknown {
  try {
    return text === undefined ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Without its port: an IPv6 address has colons too. */
function addressOf({ raw }: IncomingHttp): string {
  const { source_socket_addr: address } = raw;
  return address.slice(0, address.lastIndexOf(":"));
}
