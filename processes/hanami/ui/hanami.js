/**
 * Hanami's page: a client of its REST like any other, asking anew every two seconds while it is looked at.
 *
 * 1. The token lives in this page alone: a reload asks for the password again.
 * 2. At most ROWS_MAX data sets and clusters are shown, the newest ones.
 */
const PAUSE = 2000; // ms between two looks
const ROWS_MAX = 50;
const BASE = `${location.pathname.slice(0, location.pathname.lastIndexOf("/ui/"))}/v1.0alpha/`;

const $ = (id) => document.getElementById(id);
let token = null;
let timer = null;
let isLooking = false;

$("login").addEventListener("submit", async (event) => {
  event.preventDefault();
  const { id, password } = Object.fromEntries(new FormData(event.target));
  try {
    token = (await ask("token", { method: "POST", body: JSON.stringify({ id, password }) })).token;
    event.target.reset();
    show(true);
    await look();
  } catch (error) {
    say(error.message);
  }
});

$("logout").addEventListener("click", () => {
  token = null;
  show(false);
  say("");
});

document.addEventListener("visibilitychange", () => {
  if (!document.hidden) look();
});

/** @throws {Error} with the sentence that Hanami answers */
async function ask(path, options = {}) {
  const headers = token === null ? {} : { "X-Auth-Token": token };
  const answer = await fetch(BASE + path, { ...options, headers, cache: "no-store" });
  if (answer.ok) return await answer.json();
  if (answer.status === 401 && token !== null) {
    token = null;
    show(false);
  }
  throw new Error((await answer.text()) || `Hanami answers ${answer.status}.`);
}

async function look() {
  clearTimeout(timer);
  if (token === null || document.hidden || isLooking) return;
  isLooking = true;
  try {
    const [dataSets, clusters] = await Promise.all([dataSetRows(), clusterRows()]);
    if (token === null) return;
    fill("data-sets", dataSets);
    fill("clusters", clusters);
    say("");
  } catch (error) {
    say(error.message);
  } finally {
    isLooking = false;
    if (token !== null) timer = setTimeout(look, PAUSE);
  }
}

async function newest(path) {
  const { header, body } = await ask(path);
  const rows = body.map((row) => Object.fromEntries(row.map((value, index) => [header[index], value])));
  return rows.reverse().slice(0, ROWS_MAX);
}

async function dataSetRows() {
  return await each(await newest("dataset/all"), async ({ uuid, name, owner_id: owner, created_at: made }) => {
    const set = await ask(`dataset?uuid=${uuid}`);
    const isReady = set.number_of_columns > 0;
    const { parts } = isReady ? { parts: [] } : await ask(`dataset/progress?uuid=${uuid}`);
    const size = parts.reduce((sum, part) => sum + part.size, 0);
    const received = parts.reduce((sum, part) => sum + part.received, 0);
    const progress = isReady ? "ready" : bar(received, size, `${bytes(received)} of ${bytes(size)}`);
    return [[name, owner, made, isReady ? set.number_of_rows : "", isReady ? set.number_of_columns : "", progress]];
  });
}

async function clusterRows() {
  return await each(await newest("cluster/all"), async ({ uuid, name, owner_id: owner }) => {
    const { mode } = await ask(`cluster?uuid=${uuid}`);
    const { body } = await ask(`task/all?cluster_uuid=${uuid}`);
    const tasks = body.slice(-5).map(([task, state, percentage]) => {
      const share = Number.parseFloat(percentage) || 0;
      return [task.slice(0, 8), state, bar(share, 1, `${Math.round(100 * share)} %`)];
    });
    const rows = tasks.length === 0 ? [["", "", ""]] : tasks;
    return rows.map((task, index) => [...(index === 0 ? [name, owner, mode ?? "ended"] : ["", "", ""]), ...task]);
  });
}

/** What is deleted while it is asked for is left out. */
async function each(rows, toCells) {
  const all = await Promise.all(rows.map((row) => toCells(row).catch(() => [])));
  return all.flat();
}

function fill(id, rows) {
  const lines = rows.map((cells) => {
    const line = document.createElement("tr");
    for (const cell of cells) line.insertCell().append(cell);
    return line;
  });
  $(id).replaceChildren(...lines);
  $(`no-${id}`).hidden = rows.length > 0;
}

function bar(value, max, text) {
  const cell = document.createElement("span");
  const progress = document.createElement("progress");
  progress.max = max || 1;
  progress.value = value;
  progress.setAttribute("aria-label", text);
  cell.append(progress, ` ${text}`);
  return cell;
}

function bytes(count) {
  return count < 1e6 ? `${Math.ceil(count / 1e3)} kB` : `${(count / 1e6).toFixed(1)} MB`;
}

function show(isIn) {
  $("login").hidden = isIn;
  $("shown").hidden = !isIn;
  $("logout").hidden = !isIn;
}

function say(text) {
  $("status").textContent = text;
}
