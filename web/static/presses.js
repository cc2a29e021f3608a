// A form that was sent is not sent again: its buttons rest until the next page is there, or this one is shown again.
"use strict";

const REST = 3000; // milliseconds; whoever stops the page, or saves what was answered, presses again then
const resting = new Set();

function wake() {
  for (const button of resting) button.disabled = false;
  resting.clear();
}

document.addEventListener("submit", (event) => {
  if (event.defaultPrevented) return;
  const buttons = [...event.target.elements].filter((one) => one.tagName === "BUTTON" && !one.disabled);
  setTimeout(() => {
    // after the browser has read which button it was
    for (const button of buttons) {
      button.disabled = true;
      resting.add(button);
    }
  });
  setTimeout(wake, REST);
});

window.addEventListener("pageshow", wake); // back from the browser's cache, as it was left
