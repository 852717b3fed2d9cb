/** Bytes that somebody prints, as lines for a log: bounded in length and in number, whatever is printed. */
import { StringDecoder } from "node:string_decoder";

const LINE_MAX = 4096; // characters: a stack of some 40 lines
const LINES_PER_SECOND = 200; // a process that prints in a loop must not fill the node's log
const SECOND = 1000; // ms

export class LogLines {
  readonly #emit: (line: string) => void;
  readonly #now: () => number;
  readonly #decoder = new StringDecoder("utf8");
  #rest = "";
  #second = Number.NEGATIVE_INFINITY; // when the current one began, ms
  #lines = 0; // in it
  #leftOut = 0;

  /** @param now milliseconds */
  constructor(emit: (line: string) => void, now: () => number = Date.now) {
    this.#emit = emit;
    this.#now = now;
  }

  push(chunk: Buffer): void {
    const lines = (this.#rest + this.#decoder.write(chunk)).split("\n");
    this.#rest = lines.pop() ?? "";
    for (const line of lines) this.#line(line);
    while (this.#rest.length > LINE_MAX) {
      this.#line(this.#rest.slice(0, LINE_MAX));
      this.#rest = this.#rest.slice(LINE_MAX);
    }
  }

  end(): void {
    if (this.#rest !== "") this.#line(this.#rest);
    this.#rest = "";
    this.#sayLeftOut();
  }

  #line(line: string): void {
    const now = this.#now();
    if (now - this.#second >= SECOND) {
      this.#sayLeftOut();
      this.#second = now;
      this.#lines = 0;
    }
    if (++this.#lines > LINES_PER_SECOND) this.#leftOut++;
    else this.#emit(line.length > LINE_MAX ? `${line.slice(0, LINE_MAX)}…` : line);
  }

  #sayLeftOut(): void {
    if (this.#leftOut > 0) this.#emit(`… ${this.#leftOut} more lines left out: at most ${LINES_PER_SECOND} a second`);
    this.#leftOut = 0;
  }
}
