/**
 * The login page's script: hashes the password in the browser, posts the hash, goes on to the page asked for.
 *
 * 1. The password itself never leaves this page. What is sent is Argon2id of it, salted with the node's name.
 * 2. The page may stand in place of any other, so nothing here depends on its own address but `next()`.
 * 3. It goes only to paths of this origin, whatever `?redirect=` says.
 */

const HASH_URL = "/login/argon2.js"; // hash-wasm, which defines `globalThis.hashwasm`
const LOGIN_URL = "/login";
const SALT_MIN = 8; // bytes: what Argon2 asks for; shorter names get trailing zero bytes, on the server too
const ARGON2 = { iterations: 2, memorySize: 19456, parallelism: 1, hashLength: 32, outputType: "hex" }; // memorySize: KiB
const ANSWER_MAX_MS = 20_000; // the node answers within a second, or hides behind a proxy that gives up later than people

const unit = document.getElementById("unit");
const form = document.getElementById("form");
const password = document.getElementById("password");
const reveal = document.getElementById("reveal");
const caps = document.getElementById("caps");
const message = document.getElementById("message");
const go = document.getElementById("go");
const node = document.getElementById("node").textContent.trim();

document.getElementById("username").value = node;
let hasher; // a promise while argon2.js loads and after; undefined again when that failed, so that a retry loads it anew
loadHasher().catch(() => {}); // early, while the password is typed; submit reports a failure

form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (unit.dataset.state !== "working" && unit.dataset.state !== "done") void logIn();
});
password.addEventListener("input", () => {
  if (unit.dataset.state === "error") show("idle", "");
});
for (const type of ["keydown", "keyup", "pointerdown"]) {
  password.addEventListener(type, (event) => {
    caps.hidden = !event.getModifierState?.("CapsLock");
  });
}
password.addEventListener("blur", () => {
  caps.hidden = true;
});
reveal.addEventListener("click", () => reveals(password.type === "password"));
addEventListener("pageshow", (event) => {
  if (event.persisted) show("idle", ""); // back from a page of the node: the form must work again
});

async function logIn() {
  if (password.value === "") return fail("Type the password of this node.");
  reveals(false); // browsers offer to save only what was in a password field
  show("working", "Working…");
  try {
    const answer = await post(await hash(password.value));
    if (answer.status >= 400) return fail(await explain(answer));
    password.value = "";
    show("done", "You are in.");
    next();
  } catch (error) {
    fail(error instanceof LoginError ? error.message : `Something went wrong in this page: ${error}`);
  }
}

/** What went wrong, in words for the person at the form. */
class LoginError extends Error {
  name = "LoginError";
}

/** `0x` and 64 hex digits. */
async function hash(text) {
  const hashwasm = await loadHasher();
  await new Promise((resolve) => setTimeout(resolve, 30)); // ms: paints "Working…" first, as hashing holds the thread
  const name = new TextEncoder().encode(node);
  const salt = new Uint8Array(Math.max(name.length, SALT_MIN));
  salt.set(name);
  try {
    return `0x${await hashwasm.argon2id({ ...ARGON2, password: new TextEncoder().encode(text), salt })}`;
  } catch (cause) {
    throw new LoginError("This browser can't hash the password: it needs WebAssembly, which is off or blocked.", {
      cause,
    });
  }
}

function loadHasher() {
  hasher ??= new Promise((resolve, reject) => {
    const script = document.createElement("script"); // not import(): some browsers never try a failed one again
    script.src = HASH_URL;
    script.onload = () => resolve(globalThis.hashwasm);
    script.onerror = () => {
      script.remove();
      hasher = undefined;
      reject(new LoginError(unreachable()));
    };
    document.head.append(script);
  });
  return hasher;
}

async function post(password_hash) {
  const aborter = new AbortController();
  const timer = setTimeout(() => aborter.abort(), ANSWER_MAX_MS);
  try {
    return await fetch(LOGIN_URL, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ password_hash, subdomain: "" }),
      credentials: "same-origin",
      cache: "no-store",
      signal: aborter.signal,
    });
  } catch (cause) {
    throw new LoginError(aborter.signal.aborted ? `${node} took too long to answer. Try again.` : unreachable(), {
      cause,
    });
  } finally {
    clearTimeout(timer);
  }
}

function unreachable() {
  return navigator.onLine === false
    ? `Can't reach ${node}: this device is offline.`
    : `Can't reach ${node}. Check that it is running, then try again.`;
}

async function explain(answer) {
  if (answer.status === 401) return "Wrong password. Try again.";
  if (answer.status === 429) return `Too many attempts. ${waitFor(answer.headers.get("retry-after"))}`;
  if (answer.status === 403)
    return `${node} takes no logins from this address. Open it by the address it was started with.`;
  if ([502, 503, 504].includes(answer.status)) return `${node} is not ready yet. Wait a moment and try again.`;
  return `${node} could not log you in (status ${answer.status}). Its log may say why.`;
}

/** @param retryAfter the header's value: seconds, a date, or null */
function waitFor(retryAfter) {
  const given = retryAfter === null ? Number.NaN : Number(retryAfter);
  const seconds = Number.isNaN(given) ? Math.ceil((Date.parse(retryAfter ?? "") - Date.now()) / 1000) : given;
  if (!(seconds > 0)) return "Wait a minute, then try again.";
  if (seconds < 90) return `Try again in ${Math.ceil(seconds)} second${Math.ceil(seconds) === 1 ? "" : "s"}.`;
  return `Try again in ${Math.ceil(seconds / 60)} minutes.`;
}

/** Leaves for the page asked for. */
function next() {
  const here = isLogin(location.pathname);
  const wanted = localPath(new URLSearchParams(location.search).get("redirect"));
  if (wanted !== undefined) location.replace(wanted);
  else if (here) location.replace("/");
  else location.reload(); // not replace(location): with a #fragment that loads nothing
}

/** `path` when it leads to a page of this origin other than the login page. */
function localPath(path) {
  if (path === null || !path.startsWith("/") || path.startsWith("//") || path.includes("\\")) return undefined;
  try {
    const url = new URL(path, location.origin); // strips tabs and newlines, which may hide a second slash
    return url.origin === location.origin && !isLogin(url.pathname) ? url.pathname + url.search + url.hash : undefined;
  } catch {
    return undefined;
  }
}

function isLogin(pathname) {
  return pathname === "/login" || pathname === "/login/";
}

function fail(text) {
  show("error", text);
  password.focus();
  password.select();
}

/** @param state idle, working, error or done: login.css draws each */
function show(state, text) {
  unit.dataset.state = state;
  const busy = state === "working" || state === "done";
  message.textContent = text;
  message.classList.toggle("away", state === "working"); // for screen readers only: the button says it too
  message.classList.toggle("error", state === "error");
  password.setAttribute("aria-invalid", String(state === "error"));
  password.readOnly = busy;
  form.setAttribute("aria-busy", String(busy));
  go.setAttribute("aria-disabled", String(busy)); // not `disabled`: that would drop the focus
  go.textContent = state === "working" ? text : "Log in";
}

function reveals(visible) {
  password.type = visible ? "text" : "password";
  reveal.textContent = visible ? "Hide" : "Show";
  reveal.setAttribute("aria-label", visible ? "Hide password" : "Show password");
}
