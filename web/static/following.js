// A progress page kept up to date: by one stream of events for all tabs of a browser, by asking in the others.
"use strict";

// Over HTTP/1.1 a browser opens six connections to a site. With a stream in every tab, the seventh tab would wait, and
// with it every button. So whichever tab holds the lock has the stream; another one asks from time to time, and a tab
// that nobody sees does neither.
const EVERY = 5000;
const box = document.getElementById("standing");
let leave = null; // ends the stream and gives the lock away
let stream = null;

function ask() {
  if (!document.hidden && !stream) htmx.trigger(box, "turn");
}

function follow() {
  stream = new EventSource(box.dataset.events);
  stream.addEventListener("standing", (event) => htmx.swap(box, event.data, { swapStyle: "innerHTML" }));
  stream.addEventListener("turn", () => htmx.trigger(box, "turn"));
  stream.addEventListener("error", () => {
    if (stream && stream.readyState === EventSource.CLOSED) rest(); // signed out, or gone: asking tells
  });
  return new Promise((resolve) => (leave = resolve));
}

function rest() {
  if (stream) stream.close();
  if (leave) leave();
  stream = leave = null;
}

function wake() {
  if (document.hidden || !navigator.locks) return;
  navigator.locks.request("following", { ifAvailable: true }, (lock) => lock && !stream && !document.hidden && follow());
}

document.addEventListener("visibilitychange", () => {
  if (document.hidden) rest();
  else ask();
});
window.addEventListener("pagehide", rest);
setInterval(() => {
  wake();
  ask();
}, EVERY);
wake();
