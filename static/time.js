// Times: in the reader's zone, with UTC one touch away, and what is left once a minute.
// The server has rendered everything already; this file keeps it true while the page stays open.
"use strict";

const root = document.documentElement;
const browserZone = Intl.DateTimeFormat().resolvedOptions().timeZone;
const readerZone = root.dataset.zone || browserZone;
let zone = readerZone;

// A form's local times are meant in the zone that stands beside them.
for (const el of document.querySelectorAll("[data-own-zone]")) {
  if (el.tagName === "INPUT") el.value = readerZone; else el.textContent = readerZone;
}

// The server's clock decides what is left; the browser's may be wrong.
const skew = root.dataset.now ? new Date(root.dataset.now) - Date.now() : 0;
function clock() { return Date.now() + skew; }

const formats = new Map();

// parts gives "2026-11-19" and "14:02:11" of an instant in a zone.
function parts(at, tz) {
  if (!formats.has(tz)) {
    formats.set(tz, new Intl.DateTimeFormat("sv-SE", {
      timeZone: tz, year: "numeric", month: "2-digit", day: "2-digit",
      hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23",
    }));
  }
  return formats.get(tz).format(at).split(" ");
}

function full(at, tz) { return parts(at, tz).join(" ") + " " + tz; }

// long says a span as the server does: "1 h 40 min".
function long(ms) {
  const min = Math.max(0, Math.ceil(ms / 60000));
  const d = Math.floor(min / 1440), h = Math.floor((min % 1440) / 60), m = min % 60;
  if (d >= 2) return d + " days";
  const hours = h + d * 24;
  if (!hours) return m + " min";
  return m ? hours + " h " + m + " min" : hours + " h";
}

// ago rounds down where long rounds up.
function ago(ms) { return ms < 60000 ? "just now" : long(Math.floor(ms / 60000) * 60000) + " ago"; }

function text(el, at, now) {
  const [day, hms] = parts(at, zone), [today] = parts(now, zone);
  switch (el.dataset.t) {
    case "day": return day;
    case "ago": return ago(now - at);
    case "end": return (day === today ? "" : day + " ") + hms.slice(0, 5);
    case "full": return day + " " + hms;
    default: return (day === today ? "" : day + " ") + hms;
  }
}

function set(el, value) { if (el.textContent !== value) el.textContent = value; }

function showTimes() {
  const now = new Date(clock());
  for (const el of document.querySelectorAll("time[data-t]")) {
    const at = new Date(el.dateTime);
    set(el, text(el, at, now));
    el.classList.toggle("dated", el.textContent.includes("-"));
    const title = full(at, zone === "UTC" ? readerZone : "UTC");
    if (el.title !== title) el.title = title;
  }
  for (const el of document.querySelectorAll("[data-zone-name]")) set(el, zone);
}

// Only these are said aloud; a live region that speaks each minute is a nuisance.
const warnAt = [15, 5, 1];
const said = new Set();

function showCountdowns(quiet) {
  const now = clock();
  for (const el of document.querySelectorAll("[data-ends]")) {
    const left = new Date(el.dataset.ends) - now;
    const min = Math.max(0, Math.ceil(left / 60000));
    const word = el.querySelector("[data-left]");
    if (word) set(word, long(left));
    if (el.classList.contains("live")) {
      el.classList.toggle("warn", min <= 15);
      el.hidden = left <= 0 && parseInt(el.textContent) === 1; // the only one is over
    }
    const bar = el.querySelector("progress");
    if (bar) {
      bar.value = Math.max(0, left / 1000);
      bar.classList.toggle("warn", min <= 15);
      bar.classList.toggle("ok", min > 15);
      bar.setAttribute("aria-label", long(left) + " of the time left");
    }
    if (el.dataset.name) announce(el, min, quiet);
  }
}

function announce(el, min, quiet) {
  const { name, ends, extend } = el.dataset;
  const step = warnAt.filter((w) => min <= w).pop();
  if (!step || min < 1) return;
  const key = name + ends + step;
  if (said.has(key)) return;
  said.add(key);
  if (quiet) return;
  const live = document.getElementById("say");
  const words = name + " ends in " + step + (step === 1 ? " minute." : " minutes.");
  if (live) live.textContent = words;
  notify(words, name + ends, extend);
}

// The browser's own notice, where the person allowed it: only while a page of Stint is open, in whichever tab.
function notify(words, tag, extend) {
  if (!("Notification" in window) || Notification.permission !== "granted") return;
  const n = new Notification(words, { tag, body: extend ? "Click to extend it." : "" });
  n.onclick = () => { window.focus(); n.close(); if (extend) location.assign(extend); };
}

function offerNotices() {
  for (const b of document.querySelectorAll("[data-notify]"))
    b.hidden = !("Notification" in window) || Notification.permission !== "default";
}
document.addEventListener("click", (e) => {
  if (e.target.closest("[data-notify]")) Notification.requestPermission().then(offerNotices);
});

const toggle = document.querySelector("[data-zone-toggle]");
if (toggle && readerZone !== "UTC") {
  toggle.hidden = false;
  toggle.addEventListener("click", () => {
    zone = zone === "UTC" ? readerZone : "UTC";
    toggle.setAttribute("aria-pressed", String(zone === "UTC"));
    showTimes();
  });
}

function tick(quiet) { showTimes(); showCountdowns(quiet); offerNotices(); }
tick(true);
setInterval(() => tick(false), 60000);
document.addEventListener("htmx:after:swap", () => tick(false));
document.addEventListener("visibilitychange", () => { if (!document.hidden) tick(false); });
