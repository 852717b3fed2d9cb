/**
 * The login page's script: hashes the password in the browser, posts the hash, goes on to the page asked for.
 * Opened by a node's one-time link, it posts the link's token and goes on to the page that sets a password.
 *
 * 1. The password itself never leaves this page. What is sent is Argon2id of it, salted with the node's name.
 * 2. The page may stand in place of any other, so nothing here depends on its own address but `next()`.
 * 3. It goes only to paths of this origin, whatever `?redirect=` says.
 */

import { PasswordForm } from "./form.js";
import { hash, loadHasher, post, waitFor } from "./hash.js";

const LOGIN_URL = "/login";

const unit = document.getElementById("unit");
const password = document.getElementById("password");
const caps = document.getElementById("caps");
const node = document.getElementById("node").textContent.trim();

const token = new URLSearchParams(location.search).get("token");
const hasPassword = unit.dataset.password === "set";
const form = new PasswordForm([password], logIn);

document.getElementById("username").value = node;
document.getElementById("no-password").hidden = hasPassword || token !== null;
for (const part of document.querySelectorAll("label, .field, .go")) part.hidden = !hasPassword;
document.getElementById("note").hidden = !hasPassword;
if (hasPassword) loadHasher().catch(() => {}); // early, while the password is typed; submit reports a failure
if (token !== null) void useLink();

for (const type of ["keydown", "keyup", "pointerdown"]) {
  password.addEventListener(type, (event) => {
    caps.hidden = !event.getModifierState?.("CapsLock");
  });
}
password.addEventListener("blur", () => {
  caps.hidden = true;
});
addEventListener("pageshow", (event) => {
  if (event.persisted) form.show("idle", ""); // back from a page of the node: the form must work again
});

async function logIn() {
  if (password.value === "") return form.fail("Type the password of this node.");
  await form.work("Working…", async () => {
    const sent = { password_hash: await hash(password.value, node), subdomain: unit.dataset.subdomain };
    const answer = await post(LOGIN_URL, sent, node);
    if (answer.status >= 400) return form.fail(explain(answer));
    password.value = "";
    form.show("done", "You are in.");
    next();
  });
}

/** The link is good once: a browser that loads the page before anybody asked for it must not use it up. */
async function useLink() {
  if (document.prerendering) await new Promise((resolve) => document.addEventListener("prerenderingchange", resolve));
  await form.work("Logging in…", async () => {
    const answer = await post(LOGIN_URL, { token, subdomain: "" }, node);
    if (answer.status >= 400) return form.fail(explain(answer));
    form.show("done", "You are in.");
    location.replace("/password");
  });
}

function explain(answer) {
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
