/**
 * The sessions page's script: lists who is logged in, and ends one or all.
 * What others say of themselves, their browser's name, is set as text.
 */

const list = document.getElementById("sessions");
const message = document.getElementById("message");
const all = document.getElementById("all");
const template = document.getElementById("session");

all.addEventListener("click", () => end("/sessions", all, true));
void load();

async function load() {
  try {
    const answer = await fetch("/sessions", { headers: { accept: "application/json" }, cache: "no-store" });
    if (answer.status === 401) return location.reload(); // to the login page
    if (!answer.ok) return say(`The node could not list them (status ${answer.status}).`);
    const { sessions } = await answer.json();
    list.replaceChildren(...sessions.map(item));
    say("");
  } catch {
    say("Can't reach the node. Is it running?");
  }
}

function item(session) {
  const entry = template.content.firstElementChild.cloneNode(true);
  entry.dataset.id = session.id;
  entry.querySelector(".agent").textContent = browserOf(session.user_agent);
  entry.querySelector(".agent").title = session.user_agent;
  entry.querySelector(".here").hidden = !session.current;
  const from = session.address === "" ? [] : [`from ${session.address}`];
  const to = session.subdomain === null ? [] : [`to ${session.subdomain} alone`];
  entry.querySelector(".what").textContent = [
    ...from,
    ...to,
    `since ${time(session.created)}`,
    `last used ${time(session.last_seen)}`,
  ].join(", ");
  const button = entry.querySelector(".end");
  button.setAttribute("aria-label", `End the session of ${browserOf(session.user_agent)}`);
  button.addEventListener("click", () => end(`/sessions/${encodeURIComponent(session.id)}`, button, session.current));
  return entry;
}

/** @param leaves whether this browser's own session ends with it */
async function end(url, button, leaves) {
  button.disabled = true;
  try {
    const answer = await fetch(url, { method: "DELETE" });
    if (leaves && answer.ok) return location.replace("/");
    if (!answer.ok && answer.status !== 404) return say(`The node could not end it (status ${answer.status}).`);
    await load();
  } catch {
    say("Can't reach the node. Is it running?");
  } finally {
    button.disabled = false;
  }
}

/** As people say it, where it can be told: "Chrome on Linux". */
function browserOf(agent) {
  const name = /Edg\//.test(agent)
    ? "Edge"
    : /Firefox\//.test(agent)
      ? "Firefox"
      : /Chrome\//.test(agent)
        ? "Chrome"
        : /Safari\//.test(agent)
          ? "Safari"
          : undefined;
  const system = /(Android|iPhone|iPad|Windows|Mac OS X|Linux)/.exec(agent)?.[1];
  if (name === undefined) return agent || "Unknown program";
  return system === undefined ? name : `${name} on ${system.replace("Mac OS X", "macOS")}`;
}

function time(seconds) {
  return new Date(seconds * 1000).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
}

function say(text) {
  message.textContent = text;
}
