import { connect } from "/client.js"; // every node serves it: it reconnects by itself

const $ = (id) => document.getElementById(id);

const channel = connect({ process: "app-name:app-name:publisher.os" });
channel.on("state", ({ value }) => {
  $("state").textContent = value === "open" ? "" : `${value}…`;
});
channel.on("error", (error) => {
  $("state").textContent = error.message;
});
channel.on("message", (message) => {
  const { count, said } = message.json();
  $("count").textContent = count;
  if (said === null) return;
  $("list").prepend(Object.assign(document.createElement("li"), { textContent: said })); // textContent: never HTML of others
  $("list").children[20]?.remove();
});

$("form").onsubmit = (event) => {
  event.preventDefault();
  channel.send($("text").value);
  $("form").reset();
};
