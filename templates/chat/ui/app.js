import { connect } from "/client.js"; // every node serves it: it reconnects by itself

const $ = (id) => document.getElementById(id);

const channel = connect({ process: "app-name:app-name:publisher.os" });
channel.on("state", ({ value }) => {
  if (value !== "open") $("state").textContent = `${value}…`;
});
channel.on("error", (error) => {
  $("state").textContent = error.message;
});
channel.on("message", (message) => {
  const told = message.json();
  HEAR[told.type]?.(told);
});

const HEAR = {
  welcome({ you, history }) {
    $("name").value = you;
    $("log").replaceChildren(...history.map(line));
    toEnd();
  },
  people({ people }) {
    $("state").textContent = people.length === 1 ? "only you are here" : `here: ${people.join(", ")}`;
  },
  said({ said }) {
    $("log").append(line(said));
    toEnd();
  },
  renamed({ you }) {
    $("name").value = you;
  },
  refused({ why }) {
    $("state").textContent = why;
  },
};

/** textContent, never innerHTML: it is what others wrote. */
function line({ from, text, at }) {
  const item = document.createElement("li");
  const who = Object.assign(document.createElement("b"), { textContent: from });
  const when = Object.assign(document.createElement("time"), { textContent: new Date(at).toLocaleTimeString() });
  const what = Object.assign(document.createElement("p"), { textContent: text });
  item.append(who, when, what);
  return item;
}

function toEnd() {
  $("room").scrollTo({ top: $("room").scrollHeight });
}

$("form").onsubmit = (event) => {
  event.preventDefault();
  channel.send({ type: "say", text: $("text").value });
  $("form").reset();
};
$("name-form").onsubmit = (event) => {
  event.preventDefault();
  channel.send({ type: "name", name: $("name").value });
  $("text").focus();
};
$("name").onchange = () => $("name-form").requestSubmit();
