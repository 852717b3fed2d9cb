/** The page of lobby and rooms. Whoever has the channel says so first: `lobby`, or `room`; the page shows that part. */
import { connect } from "/client.js";

const LINES_MAX = 200; // in the log: older ones go

const $ = (id) => document.getElementById(id);
const [where, join, name, speak, text, leave, notice, log] = [
  "where",
  "join",
  "name",
  "speak",
  "text",
  "leave",
  "notice",
  "log",
].map($);

const channel = connect({ process: "lobby:lobby:template.os" }); // after a reconnect it begins in the lobby again
const send = (ask) => channel.send(JSON.stringify(ask));

channel.on("message", (message) => {
  const said = message.json();
  notice.textContent = said.type === "refused" ? said.reason : "";
  SHOW[said.type]?.(said);
});
channel.on("close", ({ code }) => {
  where.textContent = code === 4401 ? "Log in first" : "Disconnected";
  show(null);
});

const SHOW = {
  lobby({ rooms, name: known }) {
    where.textContent = "Lobby";
    if (known !== null) name.value = known;
    for (const old of join.querySelectorAll("button")) old.remove();
    for (const room of rooms)
      join.append(Object.assign(document.createElement("button"), { textContent: room, value: room }));
    show(join);
  },
  room({ room, members }) {
    where.textContent = `The ${room} room`;
    log.replaceChildren();
    line(`Here: ${members.join(", ")}`);
    show(speak);
  },
  said: ({ from, text: words }) => line(`${from}: ${words}`),
  joined: ({ who }) => line(`${who} came in`),
  left: ({ who }) => line(`${who} left`),
};

function show(part) {
  for (const form of [join, speak]) form.hidden = form !== part;
  log.hidden = part !== speak;
  part?.querySelector("input").focus();
}

function line(words) {
  log.append(Object.assign(document.createElement("li"), { textContent: words }));
  while (log.children.length > LINES_MAX) log.firstChild.remove();
}

join.addEventListener("submit", (event) => {
  event.preventDefault();
  send({ type: "join", room: event.submitter?.value, name: name.value });
});
speak.addEventListener("submit", (event) => {
  event.preventDefault();
  send({ type: "say", text: text.value });
  text.value = "";
});
leave.addEventListener("click", () => send({ type: "leave" }));
