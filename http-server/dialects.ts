/**
 * What a browser and other programs see of the dialects: one table (contract kinode §8). What processes see of them is
 * in lib/protocol/dialect-events.ts and dialect-results.ts, their names in lib/protocol/dialect.ts.
 *
 * A dialect is in use while a process that speaks it exists; Kinode always is.
 */
import type { Kernel } from "../kernel/index.ts";
import { DEFAULT_DIALECT, DIALECTS, type Dialect, type ExtensionTypeField } from "../lib/protocol/index.ts";

type WebDialect = {
  /** Page script reads the token for WsRegister here; the node's name stands behind it. */
  readonly cookie: string;
  /** Where RPC was asked (contract kinode §5.8). */
  readonly rpc: string;
  /** What the extension protocol calls the kind of a message (contract kinode §5.9). */
  readonly extensionType: ExtensionTypeField;
  /** A browser that comes without a login: is shown the login page in place of the one it asked for, or sent there. */
  readonly login: "shown" | "redirected";
};

export const WEB: Readonly<Record<Dialect, WebDialect>> = {
  kinode: {
    cookie: "kinode-auth_",
    rpc: "/rpc:distro:sys/message",
    extensionType: "kinode_message_type",
    login: "shown",
  },
  hyperware: {
    cookie: "hyperware-auth_",
    rpc: "/rpc:distro:sys/message",
    extensionType: "hyperware_message_type",
    login: "shown",
  },
  nectar: {
    cookie: "nectar-auth_",
    rpc: "/rpc:sys:nectar/message",
    extensionType: "kinode_message_type",
    login: "redirected",
  },
  uqbar: {
    cookie: "uqbar-auth_",
    rpc: "/rpc:sys:uqbar/message",
    extensionType: "kinode_message_type",
    login: "redirected",
  },
};

export class DialectsInUse {
  readonly #kernel: Kernel;
  #known: readonly Dialect[] = [];
  #epoch = -1;

  constructor(kernel: Kernel) {
    this.#kernel = kernel;
  }

  /** Looked up again when a process has come or gone: that moves the epoch. */
  list(): readonly Dialect[] {
    const { registry, capabilityEpoch } = this.#kernel;
    if (this.#epoch !== capabilityEpoch.value) {
      this.#known = DIALECTS.filter((dialect) => dialect === DEFAULT_DIALECT || registry.isSpoken(dialect));
      this.#epoch = capabilityEpoch.value;
    }
    return this.#known;
  }
}
