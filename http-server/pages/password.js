/** The password page's script: sets the first password of a node, or another one. What is sent are hashes: see hash.js. */
import { FormError, hash, loadHasher, post, waitFor } from "./hash.js";

const unit = document.getElementById("unit");
const form = document.getElementById("form");
const old = document.getElementById("old");
const fresh = document.getElementById("new");
const reveal = document.getElementById("reveal");
const message = document.getElementById("message");
const go = document.getElementById("go");
const node = document.getElementById("node").textContent.trim();
const hasPassword = unit.dataset.password === "set";
const LENGTH_MIN = Number(unit.dataset.length); // characters

document.getElementById("username").value = node;
document.getElementById("title").textContent = hasPassword ? "Change the password of" : "Choose a password for";
document.getElementById("old-part").hidden = !hasPassword;
document.getElementById("ends").hidden = !hasPassword;
document.getElementById("leave").textContent = hasPassword ? "Back" : "Not now";
(hasPassword ? old : fresh).focus();
loadHasher().catch(() => {}); // early, while the password is typed; submit reports a failure

form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (unit.dataset.state !== "working" && unit.dataset.state !== "done") void setPassword();
});
for (const field of [old, fresh]) {
  field.addEventListener("input", () => {
    if (unit.dataset.state === "error") show("idle", "");
  });
}
reveal.addEventListener("click", () => reveals(fresh.type === "password"));

async function setPassword() {
  if (hasPassword && old.value === "") return fail("Type the current password.", old);
  if ([...fresh.value].length < LENGTH_MIN) return fail(`Take at least ${LENGTH_MIN} characters.`, fresh);
  reveals(false); // browsers offer to save only what was in a password field
  show("working", "Working…");
  try {
    const sent = { password_hash: await hash(fresh.value, node) };
    if (hasPassword) sent.old_password_hash = await hash(old.value, node);
    const answer = await post("/password", sent, node);
    if (answer.status >= 400) return fail(explain(answer), answer.status === 403 && hasPassword ? old : fresh);
    show("done", "The password is set.");
    location.replace("/");
  } catch (error) {
    fail(error instanceof FormError ? error.message : `Something went wrong in this page: ${error}`, fresh);
  }
}

function explain(answer) {
  if (answer.status === 401) return "You are logged out. Load this page again.";
  if (answer.status === 403)
    return hasPassword ? "That is not the current password. Try again." : "This address may not set it.";
  if (answer.status === 429) return `Too many attempts. ${waitFor(answer.headers.get("retry-after"))}`;
  return `${node} could not set it (status ${answer.status}). Its log may say why.`;
}

function fail(text, field) {
  show("error", text);
  field.setAttribute("aria-invalid", "true");
  field.focus();
  field.select();
}

/** @param state idle, working, error or done */
function show(state, text) {
  unit.dataset.state = state;
  const busy = state === "working" || state === "done";
  message.textContent = text;
  message.classList.toggle("away", state === "working"); // for screen readers only: the button says it too
  message.classList.toggle("error", state === "error");
  for (const field of [old, fresh]) {
    field.removeAttribute("aria-invalid");
    field.readOnly = busy;
  }
  form.setAttribute("aria-busy", String(busy));
  go.setAttribute("aria-disabled", String(busy)); // not `disabled`: that would drop the focus
  go.textContent = state === "working" ? text : "Set password";
}

function reveals(visible) {
  fresh.type = visible ? "text" : "password";
  reveal.textContent = visible ? "Hide" : "Show";
  reveal.setAttribute("aria-label", visible ? "Hide password" : "Show password");
}
