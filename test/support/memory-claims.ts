/**
 * Claims and kept state that nodes of one test share, without a server.
 *
 *   const shared = new MemoryClaims();
 *   await alice.join(directory.of("alice.os"), about, shared.of("alice.os"));
 *   shared.cut("alice.os");                 // it cannot be reached from there
 *   shared.hold();                          // whatever is asked waits, until release()
 */
import type { Claim, Claims, Kept } from "../../kernel/index.ts";

const NOTHING: Kept = { value: null, revision: 0 };

export class MemoryClaims {
  /** What was asked, in order: `alice.os take room/1:chat:template.os`. */
  readonly asked: string[] = [];
  readonly #claims = new Map<string, Claim>();
  readonly #kept = new Map<string, Kept>();
  readonly #cut = new Set<string>();
  #revision = 0;
  #held: (() => void)[] | null = null;
  #lost = new Set<string>();
  #late = new Map<string, (() => unknown) | null>();

  of(node: string): Claims {
    const ask = async <Answer>(what: string, name: string, work: () => Answer): Promise<Answer> => {
      this.asked.push(`${node} ${what} ${name}`);
      if (this.#held !== null) await new Promise<void>((resolve) => this.#held?.push(resolve));
      await null;
      if (this.#cut.has(node)) throw new Error("nobody there");
      if (this.#late.get(`${node} ${what}`) === null) {
        this.#late.set(`${node} ${what}`, work);
        throw new Error("no answer");
      }
      const answer = work();
      if (this.#lost.delete(`${node} ${what}`)) throw new Error("no answer");
      return answer;
    };
    return {
      where: "memory",
      read: (name) => ask("read", name, () => this.#claims.get(name)),
      take: (name, holder, over) => ask("take", name, () => this.#take(name, holder, over)),
      release: (claim) =>
        ask("release", claim.name, () => {
          if (this.#claims.get(claim.name)?.revision === claim.revision) this.#claims.delete(claim.name);
        }),
      readKept: (name) => ask("readKept", name, () => this.#kept.get(name) ?? NOTHING),
      eraseKept: (name, revision) =>
        ask("eraseKept", name, () => {
          if (this.kept(name).revision === revision) this.#kept.delete(name);
        }),
      writeKept: (name, value, over) => ask("writeKept", name, () => this.#write(name, value, over)),
    };
  }

  claim(name: string): Claim | undefined {
    return this.#claims.get(name);
  }

  kept(name: string): Kept {
    return this.#kept.get(name) ?? NOTHING;
  }

  cut(node: string): void {
    this.#cut.add(node);
  }

  mend(node: string): void {
    this.#cut.delete(node);
  }

  /** The next answer to that does not arrive; what was asked is done: `loseAnswer("alice.os", "writeKept")`. */
  loseAnswer(node: string, what: string): void {
    this.#lost.add(`${node} ${what}`);
  }

  /** The next of that is not answered, and done when `arrive` says so: `delay("alice.os", "writeKept")`. */
  delay(node: string, what: string): void {
    this.#late.set(`${node} ${what}`, null);
  }

  arrive(): void {
    for (const work of this.#late.values()) work?.();
    this.#late.clear();
  }

  hold(): void {
    this.#held ??= [];
  }

  /** How many wait. */
  get waiting(): number {
    return this.#held?.length ?? 0;
  }

  /** One of those that wait goes on; the others, and what follows, do not. */
  step(which: number): void {
    const [go] = this.#held?.splice(which % Math.max(1, this.waiting), 1) ?? [];
    go?.();
  }

  release(): void {
    const held = this.#held ?? [];
    this.#held = null;
    for (const go of held) go();
  }

  #take(name: string, { node, life }: Pick<Claim, "node" | "life">, over: Claim | null): Claim | undefined {
    if ((this.#claims.get(name)?.revision ?? 0) !== (over?.revision ?? 0)) return undefined;
    const claim = { name, node, life, revision: ++this.#revision };
    this.#claims.set(name, claim);
    return claim;
  }

  #write(name: string, value: Uint8Array | null, over: number): number | undefined {
    if (this.kept(name).revision !== over) return undefined;
    this.#kept.set(name, { value, revision: ++this.#revision });
    return this.#revision;
  }
}
