/** Parts whose bytes come all at once, until uploads are there. */
import type { Ctx } from "../endpoint.ts";
import { PARTS_DRIVE, type PartProgress, type Parts, partPath } from "./parts.ts";

export class StandInParts implements Parts {
  readonly #ctx: Ctx;
  readonly #parts = new Map<string, PartProgress>();

  static last: StandInParts | undefined;

  constructor(ctx: Ctx) {
    StandInParts.last = this;
    this.#ctx = ctx;
  }

  async createPart(uuid: string, size: number): Promise<void> {
    await this.#ctx.vfs.drive(PARTS_DRIVE).writeFile(partPath(uuid), "");
    this.#parts.set(uuid, { size, received: 0 });
  }

  async fill(uuid: string, bytes: Uint8Array): Promise<void> {
    const part = this.#parts.get(uuid);
    if (part === undefined || bytes.byteLength > part.size) throw new Error(`there is no part ${uuid} of that size`);
    await this.#ctx.vfs.drive(PARTS_DRIVE).writeFile(partPath(uuid), bytes);
    this.#parts.set(uuid, { size: part.size, received: bytes.byteLength });
  }

  progress(uuid: string): PartProgress | undefined {
    return this.#parts.get(uuid);
  }

  sealPart(): Promise<void> {
    return Promise.resolve();
  }

  unsealPart(): void {}

  async removePart(uuid: string): Promise<void> {
    if (this.#parts.delete(uuid)) await this.#ctx.vfs.drive(PARTS_DRIVE).remove(partPath(uuid));
  }
}
