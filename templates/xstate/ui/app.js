import { connect } from "/client.js"; // every node serves it: it reconnects by itself

const $ = (id) => document.getElementById(id);
const WORDS = { idle: "ready", running: "running", ringing: "Ring! Ring!" };
let endsAt = null;

const channel = connect({ process: "app-name:app-name:publisher.os" });
channel.on("state", ({ value }) => {
  if (value !== "open") $("state").textContent = `${value}…`;
});
channel.on("error", (error) => {
  $("state").textContent = error.message;
});
channel.on("message", (message) => {
  const told = message.json();
  $("state").textContent = WORDS[told.state] ?? told.state;
  document.body.dataset.state = told.state;
  endsAt = told.endsAt ?? null;
  show();
});

function show() {
  const left = endsAt === null ? 0 : Math.max(0, Math.ceil((endsAt - Date.now()) / 1000));
  $("clock").textContent = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
}
setInterval(show, 250);

$("form").onsubmit = (event) => {
  event.preventDefault();
  channel.send({ start: Number($("seconds").value) });
};
$("stop").onclick = () => channel.send("stop");
