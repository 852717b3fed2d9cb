/**
 * The start page's script: shows the node's name and its apps, and logs out.
 *
 * 1. Apps describe themselves, so their words are set as text, and their paths and icons are used only when local.
 * 2. A node that lost our login answers with its login page, status 200: a page in place of the list means logged out.
 */

const apps = document.getElementById("apps");
const status = document.getElementById("status");
const empty = document.getElementById("empty");
const trouble = document.getElementById("trouble");
const template = document.getElementById("app");
let shown; // the text of the list on screen, so that an unchanged one is left alone

/** @typedef {{ label: string, path: string, icon: string | null, description: string | null, process: string }} App */

document.getElementById("again").addEventListener("click", load);
document.getElementById("logout").addEventListener("submit", (event) => {
  event.preventDefault();
  void logOut(event.currentTarget);
});
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "visible") void load(); // apps come and go while the page lies in a tab
});
void showNode();
void load();

async function showNode() {
  try {
    const name = (await (await fetch("/our")).text()).trim();
    if (name === "" || name.includes("<")) return; // the login page: load() says so
    document.getElementById("node").textContent = name;
    document.title = `${name} · Jackfield`;
  } catch {
    // the node is unreachable: load() says so
  }
}

async function load() {
  let text;
  try {
    const answer = await fetch("/apps.json", { cache: "no-cache" });
    text = await answer.text();
    if (answer.status === 401 || text.trimStart().startsWith("<")) return fail("You are logged out.", true);
    if (!answer.ok) return fail(`The node could not list its apps (status ${answer.status}).`);
    if (text !== shown) show(JSON.parse(text));
  } catch (error) {
    return fail(
      error instanceof SyntaxError
        ? "The node sent a list this page can't read."
        : "Can't reach the node. Is it running?",
    );
  }
  shown = text;
  trouble.hidden = true;
}

/** @param {App[]} list */
function show(list) {
  apps.replaceChildren(...list.map(tile));
  apps.hidden = list.length === 0;
  empty.hidden = list.length > 0;
  status.textContent = list.length === 0 ? "No apps" : list.length === 1 ? "1 app" : `${list.length} apps`;
}

function fail(text, loggedOut = false) {
  shown = undefined;
  apps.hidden = true;
  empty.hidden = true;
  trouble.hidden = false;
  status.textContent = "";
  document.getElementById("trouble-text").textContent = text;
  document.getElementById("again").hidden = loggedOut;
  document.getElementById("login").hidden = !loggedOut;
}

/** @param {App} app */
function tile(app) {
  const item = template.content.firstElementChild.cloneNode(true);
  const url = local(app.path);
  if (url !== undefined) item.querySelector("a").href = url;
  item.querySelector(".label").textContent = app.label;
  item.querySelector(".description").textContent = app.description ?? "";
  item.querySelector(".process").textContent = app.process;
  icon(item.querySelector(".jack"), app.icon);
  return item;
}

/** Draws `icon`, an image of this origin, an image as data: URL, or a character or two; else an empty jack. */
function icon(jack, icon) {
  const plain = () => {
    jack.replaceChildren();
    jack.classList.add("plain");
  };
  if (!icon) return plain();
  const source = icon.startsWith("data:image/") ? icon : local(icon);
  if (source !== undefined) {
    const image = new Image();
    image.alt = ""; // the label says it
    image.onerror = plain;
    image.src = source;
    jack.append(image);
  } else if ([...icon].length <= 2 || (icon.length <= 16 && /\p{Extended_Pictographic}/u.test(icon))) {
    jack.append(icon); // as text
  } else plain();
}

/** `path` when it starts with one slash and stays on this origin. */
function local(path) {
  if (typeof path !== "string" || !path.startsWith("/")) return undefined;
  try {
    const url = new URL(path, location.origin);
    return url.origin === location.origin ? url.pathname + url.search + url.hash : undefined;
  } catch {
    return undefined;
  }
}

async function logOut(form) {
  const button = form.querySelector("button");
  button.disabled = true;
  try {
    const answer = await fetch("/logout", { method: "POST" });
    if (answer.status < 400) return location.reload();
    fail(`The node could not log you out (status ${answer.status}).`);
  } catch {
    fail("Can't reach the node, so you are still logged in.");
  }
  button.disabled = false;
}
