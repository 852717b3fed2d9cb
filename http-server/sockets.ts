/** Counts open sockets, in all and by address: what the upgrade's limits are checked against. */
export class SocketCount {
  total = 0;
  readonly #byAddress = new Map<string, number>();

  of(address: string): number {
    return this.#byAddress.get(address) ?? 0;
  }

  opened(address: string): void {
    this.total++;
    this.#byAddress.set(address, this.of(address) + 1);
  }

  closed(address: string): void {
    this.total--;
    const left = this.of(address) - 1;
    if (left > 0) this.#byAddress.set(address, left);
    else this.#byAddress.delete(address);
  }
}
