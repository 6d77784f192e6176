// Enhancements only: every page works without this file. It never writes HTML (Trusted Types).
"use strict";

// A message is dismissed by its own button.
document.addEventListener("click", (e) => {
  const close = e.target.closest("[data-close]");
  if (close) close.closest(".toast").remove();
  const copy = e.target.closest("[data-copy]");
  if (copy) copyText(copy);
});

async function copyText(button) {
  const from = document.getElementById(button.dataset.copy);
  try {
    await navigator.clipboard.writeText(from.textContent.trim());
    button.lastChild.textContent = "Copied";
  } catch {
    window.getSelection().selectAllChildren(from);
  }
}
for (const b of document.querySelectorAll("[data-copy]")) b.hidden = false;

// The second click on a slow form is not a second request; the server refuses it too.
window.addEventListener("submit", (e) => {
  if (e.defaultPrevented) return; // the passkey script sends its form itself
  if ("download" in e.target.dataset) { // the page stays, and the form can be sent again; htmx would take its submit for its own
    e.target.dispatchEvent(new Event("begun"));
    return;
  }
  if (e.target.dataset.sent) { e.preventDefault(); return; }
  e.target.dataset.sent = "1";
});
window.addEventListener("pageshow", () => {
  for (const f of document.querySelectorAll("form[data-sent]")) delete f.dataset.sent;
});

// A form that came back with errors starts at the first of them.
const wrong = document.querySelector("[aria-invalid=true]");
if (wrong) wrong.focus();

// The last offered reason goes into the field only when it is asked for.
document.addEventListener("click", (e) => {
  const fill = e.target.closest("[data-fill]");
  if (!fill) return;
  const field = document.getElementById(fill.dataset.fill);
  if (!field) return;
  e.preventDefault();
  field.value = fill.dataset.value;
  field.focus();
});

// Who gives a time means it: its choice is made with it.
document.addEventListener("input", (e) => {
  const choice = document.getElementById(e.target.dataset?.chooses);
  if (choice && e.target.value) choice.checked = true;
});

// A page that could not be refreshed says so instead of looking current.
const stale = document.getElementById("stale");
for (const name of ["htmx:error", "htmx:response:error"]) {
  document.addEventListener(name, () => { if (stale) stale.hidden = false; });
}
document.addEventListener("htmx:after:swap", (e) => { // comes after a refused answer too
  if (stale && e.detail.ctx.response?.status < 400) stale.hidden = true;
});

// How many are ticked stands in the button that goes on with them.
function count() {
  const n = document.querySelectorAll(".pick:checked").length;
  for (const c of document.querySelectorAll("[data-picked]"))
    c.textContent = n === 1 ? "1 " + c.dataset.picked : n ? n + " " + c.dataset.many : "the chosen " + c.dataset.many;
}
document.addEventListener("change", (e) => { if (e.target.matches(".pick")) count(); });
document.addEventListener("reset", () => setTimeout(count));

// The reason of an answer is saved when its field is left, not half written because the answer beside it was given.
document.addEventListener("htmx:before:request", (e) => {
  const at = document.activeElement;
  if (document.hasFocus() && at.matches("[name^=reason-]") && at.value !== at.defaultValue && e.target.contains(at)) e.preventDefault();
});

// A choice that says so searches at once.
document.addEventListener("change", (e) => { if (e.target.matches("[data-submits]")) e.target.form.requestSubmit(); });
