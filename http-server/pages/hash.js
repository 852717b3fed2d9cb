/**
 * What the pages that take a password share: hashing it, posting the hash, and saying how long to wait.
 *
 * The password itself never leaves the page. What is sent is Argon2id of it, salted with the node's name.
 */

const HASH_URL = "/login/argon2.js"; // hash-wasm, which defines `globalThis.hashwasm`
const SALT_MIN = 8; // bytes: what Argon2 asks for; shorter names get trailing zero bytes, on the server too
const ARGON2 = { iterations: 2, memorySize: 19456, parallelism: 1, hashLength: 32, outputType: "hex" }; // memorySize: KiB
const ANSWER_MAX_MS = 20_000; // the node answers within three seconds, or hides behind a proxy that gives up later than people

/** What went wrong, in words for the person at the form. */
export class FormError extends Error {
  name = "FormError";
}

let hasher; // a promise while argon2.js loads and after; undefined again when that failed, so that a retry loads it anew

/** `0x` and 64 hex digits. */
export async function hash(text, node) {
  const hashwasm = await loadHasher(node);
  await new Promise((resolve) => setTimeout(resolve, 30)); // ms: paints "Working…" first, as hashing holds the thread
  const name = new TextEncoder().encode(node);
  const salt = new Uint8Array(Math.max(name.length, SALT_MIN));
  salt.set(name);
  try {
    return `0x${await hashwasm.argon2id({ ...ARGON2, password: new TextEncoder().encode(text), salt })}`;
  } catch (cause) {
    throw new FormError("This browser can't hash the password: it needs WebAssembly, which is off or blocked.", {
      cause,
    });
  }
}

export function loadHasher(node = "the node") {
  hasher ??= new Promise((resolve, reject) => {
    const script = document.createElement("script"); // not import(): some browsers never try a failed one again
    script.src = HASH_URL;
    script.onload = () => resolve(globalThis.hashwasm);
    script.onerror = () => {
      script.remove();
      hasher = undefined;
      reject(new FormError(unreachable(node)));
    };
    document.head.append(script);
  });
  return hasher;
}

export async function post(url, body, node) {
  const aborter = new AbortController();
  const timer = setTimeout(() => aborter.abort(), ANSWER_MAX_MS);
  try {
    return await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
      credentials: "same-origin",
      cache: "no-store",
      signal: aborter.signal,
    });
  } catch (cause) {
    throw new FormError(aborter.signal.aborted ? `${node} took too long to answer. Try again.` : unreachable(node), {
      cause,
    });
  } finally {
    clearTimeout(timer);
  }
}

function unreachable(node) {
  return navigator.onLine === false
    ? `Can't reach ${node}: this device is offline.`
    : `Can't reach ${node}. Check that it is running, then try again.`;
}

/** @param retryAfter the header's value: seconds, a date, or null */
export function waitFor(retryAfter) {
  const given = retryAfter === null ? Number.NaN : Number(retryAfter);
  const seconds = Number.isNaN(given) ? Math.ceil((Date.parse(retryAfter ?? "") - Date.now()) / 1000) : given;
  if (!(seconds > 0)) return "Wait a minute, then try again.";
  if (seconds < 90) return `Try again in ${Math.ceil(seconds)} second${Math.ceil(seconds) === 1 ? "" : "s"}.`;
  return `Try again in ${Math.ceil(seconds / 60)} minutes.`;
}
