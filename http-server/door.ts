/**
 * What the events of a transport lead to: the way in of every request, socket and frame.
 *
 * Each runs in a turn of its own, begun here; channels.ts begins that of a ping, a pong, and each frame of a socket but the
 * first (bench/echo).
 */
import type { RunQueue } from "../kernel/index.ts";
import type { Channel } from "./channel.ts";
import type { Channels } from "./channels.ts";
import type { Extensions } from "./extensions.ts";
import type { HttpRequests } from "./http-requests.ts";
import type { HttpServerLimits } from "./limits.ts";
import type { Registrar } from "./registrar.ts";
import { strictTransport } from "./security-headers.ts";
import type { SocketCount } from "./sockets.ts";
import type { TransportHandlers } from "./transport/transport.ts";
import { decideUpgrade, type UpgradeContext } from "./upgrade.ts";
import { type Trust, Visit } from "./visit.ts";

export type Door = {
  readonly queue: RunQueue;
  readonly limits: HttpServerLimits;
  readonly trust: Trust;
  readonly sockets: SocketCount;
  readonly registrar: Registrar;
  readonly channels: Channels;
  readonly extensions: Extensions;
  readonly http: HttpRequests;
  readonly upgrades: UpgradeContext;
  /** The node stops: who comes now is served, and its connection ends with that. */
  readonly leaving: () => boolean;
  readonly fault: (error: unknown) => void;
};

/** @param mount the process id whose paths stand at `/` on this port; null on the main listener */
export function handlersOf(door: Door, mount: string | null): TransportHandlers<Channel> {
  const { channels, registrar, sockets, trust, upgrades } = door;
  const turn = (work: () => void): void => {
    channels.outgoing.notAwaited();
    door.queue.begin();
    try {
      work();
    } finally {
      door.queue.end();
    }
  };
  return {
    http: (request, response) => {
      const visit = new Visit(request, trust);
      const strict = strictTransport(visit, door.limits.hstsSeconds);
      if (strict.length > 0) response.alsoSend(strict);
      if (door.leaving()) response.closeAfter(); // or the next request on it would find nobody
      turn(() => door.http.handle(visit, response, mount));
    },
    upgrade: (request) => decideUpgrade(new Visit(request, trust), mount, upgrades),
    open: (socket) =>
      turn(() => {
        const channel = socket.getUserData();
        channel.socket = socket;
        channel.peer = sockets.opened(channel.peer);
        channel.terms.gate?.entered(channel.peer.address);
        registrar.opened(channel);
      }),
    message: (socket, data, isBinary) => {
      const channel = socket.getUserData();
      if (channel.fresh) first(door, channel, data, isBinary);
      else channels.frame(channel, data, isBinary);
    },
    ping: (socket, data) => channels.control(socket.getUserData(), "Ping", data),
    pong: (socket, data) => channels.control(socket.getUserData(), "Pong", data),
    drain: (socket) => turn(() => channels.outgoing.drained(socket.getUserData())),
    dropped: (socket) => turn(() => channels.outgoing.publishDropped(socket.getUserData())),
    close: (channel, code, reason) =>
      turn(() => {
        registrar.closed(channel);
        sockets.closed(channel.peer);
        channel.terms.gate?.left(channel.peer.address);
        channels.closed(channel, code, reason);
      }),
    fault: door.fault,
  };
}

/** A frame that needs a closer look: the first of its socket, or each where a channel stays `fresh`. */
function first(door: Door, channel: Channel, data: ArrayBuffer | Uint8Array, isBinary: boolean): void {
  door.queue.begin(); // not by `turn`: a closure in `message` costs each frame 22 instructions (bench/profile)
  try {
    lookCloser(door, channel, data, isBinary);
  } finally {
    door.queue.end();
  }
}

function lookCloser(door: Door, channel: Channel, data: ArrayBuffer | Uint8Array, isBinary: boolean): void {
  if (channel.finished) return;
  const bytes = data instanceof Uint8Array ? data : new Uint8Array(data);
  if (channel.owner === null) door.registrar.register(channel, bytes, isBinary);
  else if (channel.extension !== null) door.extensions.frame(channel, data, isBinary);
  else if (!door.registrar.acknowledge(channel, bytes)) door.channels.frame(channel, data, isBinary);
}
