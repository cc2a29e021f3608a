// Keeps what a person is doing while live parts of a page are replaced: ticks, what is opened, where the focus is.
"use strict";

const box = () => document.getElementById("live");
const sign = (one) =>
  [one.tagName, one.id, one.getAttribute("href"), one.name, one.value, one.form && one.form.getAttribute("action")].join();
let kept = null;

function note(words) {
  for (const line of document.querySelectorAll(".live-note")) line.textContent = words;
}

note("Kept up to date.");

document.addEventListener("htmx:beforeRequest", (event) => {
  if (document.hidden) event.preventDefault(); // nobody looks
});

document.addEventListener("htmx:beforeSwap", () => {
  const live = box();
  const ticks = [...live.querySelectorAll("input[id]")].filter((one) => one.type === "checkbox" || one.type === "radio");
  kept = {
    ticks: new Map(ticks.map((one) => [one.id, one.checked])),
    open: [...live.querySelectorAll("details[open][id]")].map((one) => one.id),
    focus: live.contains(document.activeElement) ? sign(document.activeElement) : "",
    scrolled: [...live.querySelectorAll(".scroll")].map((one) => one.scrollLeft),
  };
});

document.addEventListener("htmx:afterSwap", () => {
  const live = box();
  if (!kept || !live) return;
  note("Kept up to date.");
  for (const one of live.querySelectorAll("input[id]")) {
    if (kept.ticks.has(one.id)) one.checked = kept.ticks.get(one.id);
  }
  for (const id of kept.open) {
    const one = document.getElementById(id);
    if (one) one.open = true;
  }
  live.querySelectorAll(".scroll").forEach((one, place) => (one.scrollLeft = kept.scrolled[place] || 0));
  if (kept.focus) {
    const same = [...live.querySelectorAll("a, button, input, summary, [tabindex]")].find((one) => sign(one) === kept.focus);
    if (same) same.focus({ preventScroll: true });
  }
});

document.addEventListener("htmx:responseError", (event) => {
  // Signed out, or what was shown is gone: the whole page says so.
  if ([401, 403, 404].includes(event.detail.xhr.status)) location.reload();
  else note("Not kept up to date: the console has a problem.");
});

document.addEventListener("htmx:sendError", () => note("Not kept up to date: no connection to the console."));
