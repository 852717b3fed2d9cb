/** The password page's script: sets the first password of a node, or another one. What is sent are hashes: see hash.js. */
import { PasswordForm } from "./form.js";
import { hash, loadHasher, post, waitFor } from "./hash.js";

const unit = document.getElementById("unit");
const old = document.getElementById("old");
const fresh = document.getElementById("new");
const node = document.getElementById("node").textContent.trim();
const hasPassword = unit.dataset.password === "set";
const form = new PasswordForm([old, fresh], setPassword);
const LENGTH_MIN = Number(unit.dataset.length); // characters

document.getElementById("username").value = node;
document.getElementById("title").textContent = hasPassword ? "Change the password of" : "Choose a password for";
document.getElementById("old-part").hidden = !hasPassword;
document.getElementById("ends").hidden = !hasPassword;
document.getElementById("leave").textContent = hasPassword ? "Back" : "Not now";
(hasPassword ? old : fresh).focus();
loadHasher().catch(() => {}); // early, while the password is typed; submit reports a failure

async function setPassword() {
  if (hasPassword && old.value === "") return form.fail("Type the current password.", old);
  if ([...fresh.value].length < LENGTH_MIN) return form.fail(`Take at least ${LENGTH_MIN} characters.`);
  await form.work("Working…", async () => {
    const sent = { password_hash: await hash(fresh.value, node) };
    if (hasPassword) sent.old_password_hash = await hash(old.value, node);
    const answer = await post("/password", sent, node);
    if (answer.status >= 400) return form.fail(explain(answer), answer.status === 403 && hasPassword ? old : fresh);
    form.show("done", "The password is set.");
    location.replace("/");
  });
}

function explain(answer) {
  if (answer.status === 401) return "You are logged out. Load this page again.";
  if (answer.status === 403)
    return hasPassword ? "That is not the current password. Try again." : "This address may not set it.";
  if (answer.status === 429) return `Too many attempts. ${waitFor(answer.headers.get("retry-after"))}`;
  return `${node} could not set it (status ${answer.status}). Its log may say why.`;
}
