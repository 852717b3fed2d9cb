/**
 * The list of messages on screen: days, runs of one person, and where it is scrolled to.
 *
 * 1. Holds at most NODES_MAX nodes, the newest; what is older leaves at the top.
 * 2. What people wrote enters the page by textContent only.
 * 3. Follows the newest message while its reader is at the bottom, and else counts what is unseen.
 */

const NODES_MAX = 500; // list items, days and notices included: more make old phones stutter, and the room keeps fewer
const RUN_MAX_MS = 5 * 60_000; // a later message of the same person shows its name and time again
const BOTTOM_PX = 48; // nearer counts as being at the bottom: less than one message
const NAMES_MAX = 3; // in one notice of who came and went
const CORDS = 6; // colours of names in chat.css

const clock = new Intl.DateTimeFormat(undefined, { hour: "numeric", minute: "2-digit" });
const day = new Intl.DateTimeFormat(undefined, { weekday: "long", day: "numeric", month: "long" });
const dayOfYear = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "long", year: "numeric" });
const moment = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "medium" });

export class Transcript {
  #scroll;
  #log;
  #newer;
  #following = true; // the reader is at the bottom
  #unseen = 0;
  #settling = false; // a scroll to the bottom is due this frame

  /**
   * @param {HTMLElement} scroll what scrolls; holds `log`
   * @param {HTMLOListElement} log
   * @param {HTMLButtonElement} newer leads to the newest message
   */
  constructor(scroll, log, newer) {
    this.#scroll = scroll;
    this.#log = log;
    this.#newer = newer;
    scroll.addEventListener("scroll", () => this.#look(), { passive: true });
    newer.addEventListener("click", () => {
      this.follow();
      scroll.focus({ preventScroll: true });
    });
    new ResizeObserver(() => this.settle()).observe(scroll); // phones: the keyboard comes and goes
    document.addEventListener("visibilitychange", () => this.#renameDays()); // "Today" may have become yesterday
  }

  /** Empties the list; what comes next is history, which is not read out. */
  clear() {
    this.#log.replaceChildren();
    this.#log.ariaLive = "off";
    this.follow();
  }

  /** From here on, what comes in is read out. */
  announce() {
    this.#log.ariaLive = "polite";
  }

  /** @param {{ from: string, text: string, at: number }} said @param {boolean} own */
  said({ from, text, at }, own) {
    const time = dateOf(at);
    this.#startDay(time);
    const item = saidItem(from, text, time);
    item.dataset.at = time ? String(at) : "";
    item.classList.toggle("own", own);
    item.classList.toggle("more", this.continues(from, at));
    this.#append(item);
    if (own || this.#following) return;
    this.#unseen += 1;
    this.#showNewer();
  }

  /** Whether something said `at` by `from` belongs to the run of the newest message. */
  continues(from, at) {
    const { dataset } = this.#log.lastElementChild ?? {};
    return dataset?.from === from && at - Number(dataset.at) < RUN_MAX_MS;
  }

  /** A line about the room, such as a refusal. */
  note(text) {
    this.#append(element("li", "notice", text));
  }

  /** Who came and went: one line for as many as do the same in a row. */
  went(who, words) {
    const last = this.#log.lastElementChild;
    const names = last?.dataset.went === words ? [...JSON.parse(last.dataset.names), who] : [who];
    const item = element("li", "notice", `${list(names)} ${words}`);
    item.dataset.went = words;
    item.dataset.names = JSON.stringify(names.slice(-NODES_MAX));
    if (names.length > 1) last.remove();
    this.#append(item);
  }

  /** Moves the messages of those `names` to the reader's side. */
  claim(names) {
    for (const item of this.#log.querySelectorAll(".said")) {
      if (names.has(item.dataset.from)) item.classList.add("own");
    }
  }

  /** Shows the newest message, and goes on following. */
  follow() {
    this.#following = true;
    this.#unseen = 0;
    this.#showNewer();
    this.settle();
  }

  /** Keeps the bottom in view when it was; call after anything in `scroll` changed its height. */
  settle() {
    if (!this.#following || this.#settling) return;
    this.#settling = true;
    requestAnimationFrame(() => {
      this.#settling = false;
      if (this.#following) this.#scroll.scrollTop = this.#scroll.scrollHeight;
    });
  }

  #look() {
    if (this.#settling) return; // new messages moved the bottom away, not the reader
    const { scrollHeight, scrollTop, clientHeight } = this.#scroll;
    this.#following = scrollHeight - scrollTop - clientHeight < BOTTOM_PX;
    if (this.#following) this.#unseen = 0;
    this.#showNewer();
  }

  #showNewer() {
    this.#newer.hidden = this.#following || this.#unseen === 0;
    this.#newer.textContent = this.#unseen === 1 ? "1 new message" : `${this.#unseen} new messages`;
  }

  #append(item) {
    this.#log.append(item);
    while (this.#log.childElementCount > NODES_MAX) {
      const [first, second] = this.#log.children;
      const keepsDay = first.classList.contains("day") && !second.classList.contains("day");
      (keepsDay ? second : first).remove();
    }
    const oldest = this.#log.querySelector(".said");
    oldest?.classList.remove("more"); // the start of its run has left
    this.settle();
  }

  #startDay(time) {
    if (time === undefined) return;
    const key = time.toDateString();
    const days = this.#log.querySelectorAll(".day");
    if (days.length > 0 && days[days.length - 1].dataset.day === key) return;
    const item = element("li", "day", dayName(time));
    item.dataset.day = key;
    this.#append(item);
  }

  #renameDays() {
    for (const item of this.#log.querySelectorAll(".day")) item.textContent = dayName(new Date(item.dataset.day));
  }
}

/** A message as a list item, without the side it is on. @param {Date | undefined} time */
export function saidItem(from, text, time) {
  const item = element("li", "said");
  item.dataset.from = from;
  const who = element("p", "who");
  who.append(element("span", `name cord-${cordOf(from)}`, from));
  if (time !== undefined) {
    const at = element("time", "", clock.format(time));
    at.dateTime = time.toISOString();
    at.title = moment.format(time);
    who.append(at);
  }
  item.append(who, element("p", "text", text));
  return item;
}

export function element(tag, className, text = "") {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  return made;
}

/** `at` as a date; undefined where it is none, as a process may send anything. */
function dateOf(at) {
  const date = new Date(at);
  return typeof at === "number" && !Number.isNaN(date.getTime()) ? date : undefined;
}

function dayName(date) {
  const today = new Date();
  if (date.toDateString() === today.toDateString()) return "Today";
  const yesterday = new Date(today.getFullYear(), today.getMonth(), today.getDate() - 1); // not minus 24 h: clocks change
  if (date.toDateString() === yesterday.toDateString()) return "Yesterday";
  return (date.getFullYear() === today.getFullYear() ? day : dayOfYear).format(date);
}

function list(names) {
  const first = names.slice(0, NAMES_MAX);
  if (names.length > NAMES_MAX) return `${first.join(", ")} and ${names.length - NAMES_MAX} more`;
  return first.length < 2 ? first.join("") : `${first.slice(0, -1).join(", ")} and ${first[first.length - 1]}`;
}

/** The same name has the same colour for everyone. */
function cordOf(name) {
  let sum = 0;
  for (const character of name) sum = (sum * 31 + character.codePointAt(0)) % 9973;
  return sum % CORDS;
}
