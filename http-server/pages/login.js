/**
 * The login page's script: hashes the password in the browser, posts the hash, goes on to the page asked for.
 * Opened by a node's one-time link, it posts the link's token and goes on to the page that sets a password.
 *
 * 1. The password itself never leaves this page. What is sent is Argon2id of it, salted with the node's name.
 * 2. The page may stand in place of any other, so nothing here depends on its own address but `next()`.
 * 3. It goes only to paths of this origin, whatever `?redirect=` says.
 */

import { FormError, hash, loadHasher, post, waitFor } from "./hash.js";

const LOGIN_URL = "/login";

const unit = document.getElementById("unit");
const form = document.getElementById("form");
const password = document.getElementById("password");
const reveal = document.getElementById("reveal");
const caps = document.getElementById("caps");
const message = document.getElementById("message");
const go = document.getElementById("go");
const node = document.getElementById("node").textContent.trim();

const token = new URLSearchParams(location.search).get("token");
const hasPassword = unit.dataset.password === "set";

document.getElementById("username").value = node;
document.getElementById("no-password").hidden = hasPassword || token !== null;
for (const part of form.querySelectorAll("label, .field, .go")) part.hidden = !hasPassword;
document.getElementById("note").hidden = !hasPassword;
if (hasPassword) loadHasher().catch(() => {}); // early, while the password is typed; submit reports a failure
if (token !== null) void useLink();

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
    const sent = { password_hash: await hash(password.value, node), subdomain: unit.dataset.subdomain };
    const answer = await post(LOGIN_URL, sent, node);
    if (answer.status >= 400) return fail(await explain(answer));
    password.value = "";
    show("done", "You are in.");
    next();
  } catch (error) {
    fail(error instanceof FormError ? error.message : `Something went wrong in this page: ${error}`);
  }
}

/** The link is good once: a browser that loads the page before anybody asked for it must not use it up. */
async function useLink() {
  if (document.prerendering) await new Promise((resolve) => document.addEventListener("prerenderingchange", resolve));
  show("working", "Logging in…");
  try {
    const answer = await post(LOGIN_URL, { token, subdomain: "" }, node);
    if (answer.status >= 400) return fail(await explain(answer));
    show("done", "You are in.");
    location.replace("/password");
  } catch (error) {
    fail(error instanceof FormError ? error.message : `Something went wrong in this page: ${error}`);
  }
}

async function explain(answer) {
  if (answer.status === 401 && token !== null && !hasPassword)
    return "This link was used, or has ended. Restart the node for a new one.";
  if (answer.status === 401 && token !== null) return "Links are for nodes without a password. Type the password.";
  if (answer.status === 401) return "Wrong password. Try again.";
  if (answer.status === 429) return `Too many attempts. ${waitFor(answer.headers.get("retry-after"))}`;
  if (answer.status === 403)
    return `${node} takes no logins from this address. Open it by the address it was started with.`;
  if ([502, 503, 504].includes(answer.status)) return `${node} is not ready yet. Wait a moment and try again.`;
  return `${node} could not log you in (status ${answer.status}). Its log may say why.`;
}

/** Leaves for the page asked for. */
function next() {
  const here = isLogin(location.pathname);
  const wanted = localPath(new URLSearchParams(location.search).get("redirect"));
  if (wanted !== undefined) location.replace(wanted);
  else if (here) location.replace(unit.dataset.subdomain === "" ? "/" : `/${unit.dataset.subdomain}/`);
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
