/**
 * The uWebSockets.js apps behind one port: one, and with TLS one more for each certificate since the start.
 *
 * 1. An app keeps the certificate it was made with. So a reload makes another app, and the first, which listens, hands it
 *    each connection from then on (`addChildAppDescriptor`). The port stays open meanwhile: nothing can be refused.
 * 2. Open connections stay with their app. A publish goes to every app that has sockets.
 * 3. The library never frees an app: 31 kB each, measured. So there is none without a new certificate, and beyond `most`
 *    the oldest is closed, but for the first: closing that would close the port.
 */
import type { TemplatedApp } from "uWebSockets.js";
import type { Tls } from "./tls.ts";

/** One app and the sockets it has open. */
export type UwsApp = { readonly native: TemplatedApp; sockets: number };

/** What exists and is left out of the library's types: for worker threads, and good on one thread too. */
type Handing = {
  getDescriptor(): number;
  addChildAppDescriptor(descriptor: number): void;
  removeChildAppDescriptor(descriptor: number): void;
};

export class UwsApps {
  readonly #make: (tls: Tls | undefined) => UwsApp;
  readonly #most: number;
  readonly #first: UwsApp;
  #all: readonly UwsApp[]; // oldest first; the last is for new connections

  /** @param make routes and all, listening nowhere @param most apps at once */
  constructor(make: (tls: Tls | undefined) => UwsApp, tls: Tls | undefined, most: number) {
    this.#make = make;
    this.#most = most;
    this.#first = make(tls);
    this.#all = [this.#first];
  }

  /** The app that is to listen. */
  get first(): TemplatedApp {
    return this.#first.native;
  }

  /** @throws {TlsError} nothing has changed */
  reload(tls: Tls): void {
    const next = this.#make(tls);
    const hands = handing(this.#first);
    const current = this.#all.at(-1);
    if (current !== undefined && current !== this.#first)
      hands.removeChildAppDescriptor(handing(current).getDescriptor());
    hands.addChildAppDescriptor(handing(next).getDescriptor());
    const kept = [...this.#all, next];
    while (kept.length > this.#most) kept.splice(1, 1)[0]?.native.close();
    this.#all = kept;
  }

  publish(topic: string, data: string | Uint8Array | ArrayBuffer, isBinary: boolean, compress: boolean): void {
    for (const { native, sockets } of this.#all) if (sockets > 0) native.publish(topic, data, isBinary, compress);
  }

  /** Cuts every connection. */
  async close(): Promise<void> {
    // What was handed over arrives a turn later, also at an app that is closed by then.
    if (this.#all.length > 1) await new Promise((resolve) => setImmediate(resolve));
    for (const { native } of this.#all) native.close();
  }
}

function handing({ native }: UwsApp): Handing {
  return native as TemplatedApp & Handing;
}
