/** Counts open sockets, in all and by address: what the upgrade's limits are checked against. */

/** Where sockets come from: one object per address, however many there are. */
export type Peer = {
  readonly address: string;
  /** Open ones. */
  sockets: number;
};

export class SocketCount {
  total = 0;
  readonly #peers = new Map<string, Peer>();

  of(address: string): number {
    return this.#peers.get(address)?.sockets ?? 0;
  }

  /** @returns the one that counts for `peer.address`, to be given to `closed` */
  opened(peer: Peer): Peer {
    this.total++;
    const known = this.#peers.get(peer.address);
    if (known === undefined) this.#peers.set(peer.address, peer);
    const counted = known ?? peer;
    counted.sockets++;
    return counted;
  }

  closed(peer: Peer): void {
    this.total--;
    peer.sockets--;
    if (peer.sockets === 0) this.#peers.delete(peer.address);
  }
}
