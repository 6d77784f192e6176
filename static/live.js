// An open page follows what happens: a stream says that something changed, and htmx reads the page again
// (views/follow.templ). While there is no stream, this file says so every 15 s.
"use strict";

const events = document.getElementById("events");
let stream;             // the connection, as hx-sse keeps it
let heard = -Infinity;  // when it last said anything
let refused = false;    // the last answer was that nobody is signed in
let over = false;       // the session has ended

function say(name) { events.dispatchEvent(new CustomEvent(name)); }

// The stream beats when it opens and every 15 s; one that is silent is dead, or something on the way holds it back.
function listens() { return performance.now() - heard < 40000; }

events.addEventListener("htmx:sse:after:connection", (e) => { stream = e.detail.connection; });
events.addEventListener("htmx:sse:before:message", () => { heard = performance.now(); });
events.addEventListener("htmx:sse:error", (e) => {
  heard = -Infinity;
  if (e.detail.status === 401) end();
});
events.addEventListener("htmx:sse:close", () => { heard = -Infinity; });
// A page opened in the background listens when somebody looks at it; hx-sse pauses one that goes there.
events.addEventListener("htmx:sse:before:connection", (e) => { if (over || document.hidden) e.preventDefault(); });
document.addEventListener("visibilitychange", () => {
  if (over || document.hidden || events._htmx?.sse) return;
  say("news");
  say("retry");
});
events.addEventListener("session-ended", end);

// Nobody is led away from what they read or type. Once, a refusal may only be another tab's new cookie on its way.
for (const el of [events, events.nextElementSibling]) {
  el.addEventListener("htmx:before:response", (e) => {
    const was = refused;
    refused = e.detail.ctx.response.status === 401;
    if (!refused) return;
    e.preventDefault();
    if (was) end();
    else setTimeout(() => { say("news"); say("retry"); }, 1000);
  });
}

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
