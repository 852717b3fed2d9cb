/**
 * A stream that comes back: it tells of each message, and of whether it is connected.
 *
 * The wait between two tries doubles from half a second to eight, so that a node which restarts is found soon and one
 * that refuses is not asked in a storm.
 */
const WAIT_FIRST = 500; // ms
const WAIT_MAX = 8000; // ms

/** What came with the page's own address: `#token=…`, which no server is sent, or `?token=…`. */
export const token =
  new URLSearchParams(location.hash.slice(1)).get("token") ?? new URLSearchParams(location.search).get("token");

/** Of a path of this process, wherever the page stands. */
export function urlOf(path) {
  return new URL(path, import.meta.url);
}

/** Asks by HTTP. @throws {Error} with the sentence that the process answered */
export async function ask(method, path, body) {
  const headers = {
    ...(body === undefined ? {} : { "Content-Type": "application/json" }),
    ...(token === null ? {} : { Authorization: `Bearer ${token}` }),
  };
  const answer = await fetch(urlOf(path), {
    method,
    headers,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const said = await answer.json().catch(() => undefined);
  if (!answer.ok) throw new Error(said?.detail ?? `the node answered ${answer.status}`);
  return said;
}

export function openStream(path, { onMessage, onLink }) {
  const url = urlOf(path);
  url.protocol = url.protocol.replace("http", "ws");
  if (token !== null) url.searchParams.set("token", token);
  let wait = WAIT_FIRST;
  const connect = () => {
    const socket = new WebSocket(url);
    socket.addEventListener("open", () => onLink(true));
    socket.addEventListener("message", ({ data }) => {
      wait = WAIT_FIRST; // not at "open": who accepts and closes is not to be asked in a storm
      onMessage(JSON.parse(data));
    });
    socket.addEventListener("close", () => {
      onLink(false);
      setTimeout(connect, wait * (0.75 + Math.random() / 2));
      wait = Math.min(2 * wait, WAIT_MAX);
    });
  };
  connect();
}
