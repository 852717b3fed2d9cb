/**
 * The page of the room: one channel, to whichever node there is.
 *
 * 1. `url` is asked at each connection: after a loss the next node of the list has its turn.
 * 2. Each room has its own people and tells of all; what this page shows is what its node knows.
 */
import { connect } from "/client.js";

const PROCESS = "room:cluster:template.os";
const LINES_MAX = 200; // in the log: older ones go

const $ = (id) => document.getElementById(id);
const [state, nodeList, log, speak, name, text, notice] = [
  "state",
  "nodes",
  "log",
  "speak",
  "name",
  "text",
  "notice",
].map($);

let here = location.origin; // where the channel is, or was
let node = ""; // its name
let nodes = {}; // where each is, by name
let people = {}; // their names, by node

function nextUrl() {
  const all = Object.values(nodes).map((url) => new URL(url).origin);
  if (state.dataset.state === "lost") here = all[(all.indexOf(here) + 1) % all.length] ?? here;
  return here;
}

const channel = connect({ process: PROCESS, path: "/", url: nextUrl });
channel.on("message", (message) => {
  const said = message.json();
  notice.textContent = said.type === "refused" ? said.reason : "";
  SHOW[said.type]?.(said);
});
channel.on("close", () => {
  showState("lost", node === "" ? "Not connected: trying again…" : `${node} is gone: trying another node…`);
});

const SHOW = {
  room(room) {
    ({ node, nodes } = room);
    showState("open", `You are on ${node}`);
    if (name.value === "") name.value = room.you;
    else channel.send({ type: "name", name: name.value });
    showHistory(room);
  },
  people(now) {
    people = now.people;
    showNodes();
  },
  history: showHistory,
  said: line,
};

function showState(is, words) {
  state.dataset.state = is;
  state.textContent = words;
  showNodes();
}

/** A card for each node: its people, or that it is not there. */
function showNodes() {
  const cards = Object.entries(nodes).map(([each, url]) => {
    const card = element("article", "");
    const isMine = each === node && state.dataset.state === "open";
    const link = element("a", each);
    link.href = new URL(location.pathname, url);
    const heading = element("h2", "");
    heading.append(link, element("small", isMine ? " you are here" : people[each] === undefined ? " not there" : ""));
    const list = element("ul", "");
    list.append(...(people[each] ?? []).map((who) => element("li", who)));
    card.append(heading, list);
    card.dataset.node = each;
    card.dataset.is = isMine ? "mine" : people[each] === undefined ? "gone" : "there";
    return card;
  });
  nodeList.replaceChildren(...cards);
}

function showHistory({ history }) {
  log.replaceChildren();
  for (const said of history) line(said);
}

function line({ from, node: where, text: words, at }) {
  const item = element("li", "");
  item.append(
    element("b", from),
    element("small", ` ${where} ${new Date(at).toLocaleTimeString()}`),
    element("p", words),
  );
  log.append(item);
  while (log.children.length > LINES_MAX) log.firstChild.remove();
  log.scrollTop = log.scrollHeight;
}

function element(tag, words) {
  return Object.assign(document.createElement(tag), { textContent: words });
}

speak.addEventListener("submit", (event) => {
  event.preventDefault();
  if (text.value.trim() === "") return;
  channel.send({ type: "say", text: text.value }); // while there is no connection it waits, and is said on the next node
  text.value = "";
});
name.addEventListener("change", () => {
  if (name.value.trim() !== "" && state.dataset.state === "open") channel.send({ type: "name", name: name.value });
});
