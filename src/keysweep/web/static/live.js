// Keeps the page of a run up to date. Everything in it was made, and escaped, on the server.
"use strict";
const box = document.querySelector("[data-live]");
const told = document.getElementById("live-told");
const EVERY = 3000;

async function renew() {
  let state = "running";
  try {
    const answer = await fetch(box.dataset.live, { credentials: "same-origin" });
    if (answer.status === 401) {
      location.reload();
      return;
    }
    if (!answer.ok) throw new Error(String(answer.status));
    state = answer.headers.get("x-run-state");
    const made = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (!box.contains(document.activeElement)) box.replaceChildren(...made.body.childNodes);
    told.textContent = state === "running" ? "" : `The run is ${state}.`;
  } catch {
    told.textContent = "The dashboard does not answer: these numbers are old.";
  }
  if (state === "running") setTimeout(renew, EVERY);
}

if (box) setTimeout(renew, EVERY);
