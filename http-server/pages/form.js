/**
 * What a form with a password shows: how far it is (`data-state` of #unit, which login.css draws), what went wrong and
 * in which field, and what was typed, if asked to. Both pages that have one share its elements by id.
 */
import { FormError } from "./hash.js";

const unit = document.getElementById("unit");
const form = document.getElementById("form");
const reveal = document.getElementById("reveal");
const message = document.getElementById("message");
const go = document.getElementById("go");

export class PasswordForm {
  #fields;
  #last;
  #label;

  /**
   * @param fields its password fields; the last is the one that is shown or hidden, and the one at fault unless told
   * @param submit runs when the form is sent, one at a time
   */
  constructor(fields, submit) {
    this.#fields = fields;
    this.#last = fields.at(-1);
    this.#label = go.textContent;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      if (unit.dataset.state !== "working" && unit.dataset.state !== "done") void submit();
    });
    for (const field of fields) {
      field.addEventListener("input", () => {
        if (unit.dataset.state === "error") this.show("idle", "");
      });
    }
    reveal.addEventListener("click", () => this.#reveals(this.#last.type === "password"));
  }

  /** Shows `text` while `act` runs, and what went wrong when it throws. */
  async work(text, act) {
    this.#reveals(false); // browsers offer to save only what was in a password field
    this.show("working", text);
    try {
      await act();
    } catch (error) {
      this.fail(error instanceof FormError ? error.message : `Something went wrong in this page: ${error}`);
    }
  }

  fail(text, field = this.#last) {
    this.show("error", text);
    field.setAttribute("aria-invalid", "true");
    field.focus();
    field.select();
  }

  /** @param state idle, working, error or done */
  show(state, text) {
    unit.dataset.state = state;
    const busy = state === "working" || state === "done";
    message.textContent = text;
    message.classList.toggle("away", state === "working"); // for screen readers only: the button says it too
    message.classList.toggle("error", state === "error");
    for (const field of this.#fields) {
      field.removeAttribute("aria-invalid");
      field.readOnly = busy;
    }
    form.setAttribute("aria-busy", String(busy));
    go.setAttribute("aria-disabled", String(busy)); // not `disabled`: that would drop the focus
    go.textContent = state === "working" ? text : this.#label;
  }

  #reveals(visible) {
    this.#last.type = visible ? "text" : "password";
    reveal.textContent = visible ? "Hide" : "Show";
    reveal.setAttribute("aria-label", visible ? "Hide password" : "Show password");
  }
}
