// Tells each <time> in the reader's own zone; without this script it stands there in the server's.
"use strict";

function tell(root) {
  const today = new Date().toDateString();
  for (const element of root.querySelectorAll("time[datetime]")) {
    const when = new Date(element.dateTime);
    const clock = { hour: "numeric", minute: "2-digit" };
    const day = when.toDateString() === today ? {} : { year: "numeric", month: "short", day: "numeric" };
    element.textContent = new Intl.DateTimeFormat(document.documentElement.lang, { ...day, ...clock }).format(when);
  }
}

tell(document);
document.addEventListener("htmx:load", (event) => tell(event.target));
