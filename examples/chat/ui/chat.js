/**
 * The chat page: one channel to the chat process, and what to do with its messages.
 *
 * 1. The room starts anew with every `welcome`: list emptied, own name sent, history on its way.
 * 2. Messages wait in `outbox` until the room has said them: first for a welcome ("waiting"), then for their own
 *    `said` ("sent"). A welcome that comes instead leaves it open whether the room had them: "lost" asks the writer.
 * 3. Answers to what this page sent come in the order it was sent; `asked` keeps that order.
 */
import { CLOSE, connect } from "/client.js";
import { element, saidItem, Transcript } from "./transcript.js";

const PROCESS = location.pathname.split("/").find((part) => part.includes(":")) ?? "chat:chat:template.os"; // whose page this is: chat or chat-machine
const NAME_KEY = `name@${PROCESS}`; // in localStorage, which all processes of a node share
const TEXT_MAX = 500; // characters: the chat process refuses longer ones
const NAME_MAX = 24; // characters, as above
const COUNTER_FROM = 80; // characters left when the counter appears
const OUTBOX_MAX = 20; // messages waiting here; more is no conversation
const HISTORY_MS = 800; // after a welcome: history comes in one burst, well within this
const SLOW_MS = 1000; // an answer that takes longer is worth a word
const STATES = {
  idle: "Connecting…",
  connecting: "Connecting…",
  registering: "Joining the room…",
  open: "Connected",
  waiting: "Connection lost, trying again…",
  closed: "Disconnected",
};

const $ = (id) => document.getElementById(id);
const [state, members, me, myName, empty, outboxList] = ["state", "members", "me", "my-name", "empty", "outbox"].map($);
const [composer, text, send, hint, counter] = ["composer", "text", "send", "hint", "counter"].map($);
const [naming, nameForm, nameField, reconnect] = ["naming", "name-form", "name", "reconnect"].map($);
const transcript = new Transcript($("scroll"), $("log"), $("newer"));

let you = ""; // our name in the room
let names = new Set(); // all names we had since the last welcome
const past = new Set(); // those before it: someone else may have one by now, but history knows them as ours
let wanted = remembered(); // the name to ask for at each welcome, or ""
let welcomed = false; // since the socket opened
let lastAt = 0; // ms since the Unix epoch, by the node's clock: `at` of the newest message
let unread = 0; // messages since the page was last in view
let live = false; // history is over: what comes in is new
let settled = 0; // timer: sets `live`
const outbox = new Set(); // { text, fate: "waiting" | "sent" | "lost" | "refused", slow, reason, item, from, after }
let asked = []; // { message } or { name, before }: sent, not yet answered

const channel = connect({ process: PROCESS });
channel.on("state", ({ value }) => onState(value));
channel.on("close", onClose);
channel.on("message", (message) => onMessage(message.json()));

function onState(now) {
  document.body.dataset.state = now;
  say(state, you !== "" && (now === "connecting" || now === "registering") ? STATES.waiting : STATES[now]); // each try anew
  if (now !== "open") {
    welcomed = false;
    members.textContent = "";
  }
  showComposer();
  for (const message of outbox) showFate(message);
}

/** For good when there is no `retryInMs`. PROTOCOL.md lists the codes. */
function onClose({ code, retryInMs }) {
  if (retryInMs !== undefined) return;
  $("login").hidden = code !== CLOSE.badToken.code;
  reconnect.hidden = code === CLOSE.badToken.code;
  state.textContent =
    { [CLOSE.badToken.code]: "Logged out", [CLOSE.noSuchProcess.code]: "The chat is not running" }[code] ??
    STATES.closed;
}

function onMessage(message) {
  switch (message?.type) {
    case "welcome":
      return onWelcome(message);
    case "said":
      return onSaid(message);
    case "joined":
    case "left":
      showMembers(message.members);
      if (message.who !== you) transcript.went(message.who, message.type === "joined" ? "came in" : "left");
      if (message.type === "left" && message.who === wanted && you !== wanted) askName(wanted, wanted); // free again
      return;
    case "renamed":
      return onRenamed(message);
    case "refused":
      return onRefused(String(message.reason ?? ""));
  }
}

function onWelcome({ you: name, members: count }) {
  welcomed = true;
  for (const old of names) past.add(old);
  you = name;
  names = new Set([name]);
  asked = [];
  for (const message of outbox) if (message.fate === "sent") message.fate = "lost";
  transcript.clear();
  showMembers(count);
  showName();
  showComposer();
  if (wanted !== "" && wanted !== you) askName(wanted, wanted);
  flush();
  live = false;
  clearTimeout(settled);
  settled = setTimeout(() => {
    live = true;
    transcript.announce();
    showEmpty();
    for (const message of outbox) showFate(message); // only now: history may still have had the lost ones
  }, HISTORY_MS);
}

function onSaid(said) {
  const mine = [...outbox].find((message) => message.text === said.text && isIts(said, message));
  if (mine !== undefined) take(mine);
  if (Number.isFinite(said.at)) lastAt = Math.max(lastAt, said.at);
  transcript.said(said, names.has(said.from) || (!live && past.has(said.from)));
  empty.hidden = true;
  if (document.hidden && live && mine === undefined) showUnread(unread + 1);
}

/** Whether `said` is what became of `message`. */
function isIts(said, message) {
  if (message.fate === "sent") return names.has(said.from);
  return message.fate === "lost" && (names.has(said.from) || said.from === message.from) && said.at > message.after;
}

function onRenamed({ from, to }) {
  if (from !== you) return transcript.note(`${from} is now ${to}`);
  const answered = asked.findIndex((question) => question.message === undefined);
  const [question] = answered < 0 ? [] : asked.splice(answered, 1);
  you = to;
  names.add(to);
  transcript.claim(names); // what history has from before a reload
  showName();
  if (question === undefined || question.name !== question.before) transcript.note(`You are now ${to}`);
}

function onRefused(reason) {
  const question = asked.shift();
  if (question?.message !== undefined) {
    Object.assign(question.message, { fate: "refused", reason });
    return showFate(question.message);
  }
  if (question !== undefined) remember(question.before);
  transcript.note(
    question === undefined
      ? `The room refused: ${reason}`
      : `The room did not take the name ${question.name}: ${reason}`,
  );
}

// Sending

composer.addEventListener("submit", (event) => {
  event.preventDefault();
  const trimmed = text.value.trim();
  if (trimmed === "" || trimmed.length > TEXT_MAX || !canWrite()) return;
  const message = { text: trimmed, fate: "waiting", slow: false, reason: "", item: undefined, from: "", after: 0 };
  outbox.add(message);
  text.value = "";
  showComposer();
  showFate(message);
  transcript.follow();
  flush();
});
text.addEventListener("input", showComposer);
text.addEventListener("keydown", (event) => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return; // 229: Safari, composing
  event.preventDefault();
  composer.requestSubmit();
});

/** Sends what waits, once there is a room to say it in. */
function flush() {
  if (!welcomed) return;
  for (const message of outbox) {
    if (message.fate !== "waiting") continue;
    Object.assign(message, { fate: "sent", from: wanted || you, after: lastAt });
    asked.push({ message });
    channel.send({ type: "say", text: message.text });
    showFate(message);
    setTimeout(() => {
      message.slow = true;
      showFate(message);
    }, SLOW_MS);
  }
}

/** @param before the name to fall back on; `name` itself when nobody asks for it now: our own last channel may still have it */
function askName(name, before) {
  asked.push({ name, before });
  channel.send({ type: "name", name });
}

/** Takes `message` out of the outbox: it was said, or given up. */
function take(message) {
  outbox.delete(message);
  asked = asked.filter((question) => question.message !== message);
  message.item?.remove();
  showComposer();
  transcript.settle();
}

function canWrite() {
  return document.body.dataset.state !== "closed" && outbox.size < OUTBOX_MAX;
}

// Showing

function showFate(message) {
  if (!outbox.has(message)) return;
  if (message.item === undefined) {
    message.item = saidItem("You", message.text, new Date());
    message.item.classList.add("own", "pending");
    message.item.classList.toggle("more", transcript.continues(you, Date.now()) || outboxList.childElementCount > 0);
    message.item.append(element("p", "fate"));
    outboxList.append(message.item);
  }
  const fate = message.item.querySelector(".fate");
  const failed = message.fate === "lost" || message.fate === "refused";
  message.item.classList.toggle("failed", failed);
  message.item.classList.toggle("waiting", message.fate === "waiting");
  fate.textContent = {
    waiting: document.body.dataset.state === "closed" ? "Not sent" : "Waiting for the connection",
    sent: message.slow ? "Sending…" : "",
    lost: "The connection broke: this may not have arrived.",
    refused: `Refused: ${message.reason}`,
  }[message.fate];
  if (failed) {
    const ways = element("span", "ways");
    ways.append(
      button("Send again", () => {
        message.fate = "waiting";
        showFate(message);
        flush();
      }),
      button("Discard", () => take(message)),
    );
    fate.append(ways);
  }
  transcript.settle();
}

function button(label, act) {
  const made = element("button", "plain", label);
  made.type = "button";
  made.addEventListener("click", act);
  return made;
}

function showComposer() {
  const left = TEXT_MAX - text.value.trim().length;
  const closed = document.body.dataset.state === "closed";
  composer.classList.toggle("over", left < 0);
  text.setAttribute("aria-invalid", String(left < 0));
  text.disabled = closed;
  text.placeholder = closed ? "Disconnected" : "Message";
  send.setAttribute("aria-disabled", String(left < 0 || left === TEXT_MAX || !canWrite()));
  counter.textContent = left < 0 ? `${-left} too many` : left <= COUNTER_FROM ? `${left} left` : "";
  say(hint, hintFor(left));
  text.style.height = "auto";
  text.style.height = `${text.scrollHeight + text.offsetHeight - text.clientHeight}px`; // offset minus client: its borders
  transcript.settle();
}

function hintFor(left) {
  if (left < 0) return `A message has at most ${TEXT_MAX} characters.`;
  if (document.body.dataset.state === "closed") return "You can't write while disconnected.";
  if (outbox.size >= OUTBOX_MAX) return "Too many messages are waiting. Let them go out first.";
  if (!welcomed && (you !== "" || text.value !== ""))
    return "Not connected yet: what you send now waits here and goes out by itself.";
  return "";
}

/** Sets the text of a live region, but not anew: that would be read out again. */
function say(region, words) {
  if (region.textContent !== words) region.textContent = words;
}

function showMembers(count) {
  say(members, count === 1 ? "Only you here" : `${count} people here`);
}

function showEmpty() {
  empty.hidden = $("log").querySelector(".said") !== null;
}

function showName() {
  myName.textContent = you;
  me.hidden = false;
}

function showUnread(count) {
  unread = count;
  document.title = count > 0 ? `(${count}) Chat` : "Chat";
}
document.addEventListener("visibilitychange", () => showUnread(0));

// The name

me.addEventListener("click", () => {
  nameField.value = wanted || you;
  naming.showModal();
  nameField.select();
});
$("cancel").addEventListener("click", () => naming.close());
nameForm.addEventListener("submit", (event) => {
  const name = nameField.value.trim();
  nameField.setCustomValidity(name === "" || name.length > NAME_MAX ? `1 to ${NAME_MAX} characters, please.` : "");
  if (!nameForm.reportValidity()) return event.preventDefault();
  const before = wanted;
  remember(name);
  if (welcomed && name !== you) askName(name, before); // else the next welcome does
});
nameField.addEventListener("input", () => nameField.setCustomValidity(""));

function remembered() {
  try {
    return localStorage.getItem(NAME_KEY) ?? "";
  } catch {
    return ""; // storage is off: the name lasts as long as the page
  }
}

function remember(name) {
  wanted = name;
  try {
    if (name === "") localStorage.removeItem(NAME_KEY);
    else localStorage.setItem(NAME_KEY, name);
  } catch {
    // as above
  }
}

reconnect.addEventListener("click", () => location.reload());
$("login").href = `/login?redirect=${encodeURIComponent(location.pathname)}`;
onState(channel.state); // connect() was faster than on()
