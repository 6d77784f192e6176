// An open page follows what happens: a stream says that something changed, and htmx reads the page again
// (views/follow.templ). While there is no stream, this file says so every 15 s.
"use strict";

const events = document.getElementById("events");
let stream;             // the connection, as hx-sse keeps it
let heard = -Infinity;  // when it last said anything
let over = false;       // the session has ended

function say(name) { events.dispatchEvent(new CustomEvent(name)); }

// The stream beats every 15 s; a connection that is silent for longer is dead without knowing it.
function listens() { return performance.now() - heard < 40000; }

events.addEventListener("htmx:sse:after:connection", (e) => {
  stream = e.detail.connection;
  heard = performance.now();
});
events.addEventListener("htmx:sse:before:message", () => { heard = performance.now(); });
events.addEventListener("htmx:sse:error", (e) => {
  heard = -Infinity;
  if (e.detail.status === 401) end();
});
events.addEventListener("htmx:sse:close", () => { heard = -Infinity; });
events.addEventListener("htmx:sse:before:connection", (e) => { if (over) e.preventDefault(); });
events.addEventListener("session-ended", end);

function end() {
  over = true;
  const note = document.getElementById("ended");
  note.querySelector("a").href = "/sign-in?return_to=" + encodeURIComponent(location.pathname + location.search);
  note.hidden = false;
}

setInterval(() => {
  if (over || document.hidden || listens()) return;
  stream?.reader?.cancel();
  say("news");
  say("retry");
}, 15000);
