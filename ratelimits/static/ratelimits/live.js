// Keeps a page's part fresh: what is at the address in data-live. Without it the page is as complete, and is reloaded by hand.
"use strict";
(() => {
  const PERIOD_MS = 5000;
  // Staff's sessions end when nobody is there, so a page that nobody looks at must not keep one alive.
  const IDLE_MS = 10 * 60 * 1000;
  const live = document.querySelector("[data-live]");
  const note = document.querySelector("[data-live-note]");
  if (!live || !note) return;
  let shown = null;
  let touched = Date.now();
  let over = false;
  let fresh = new Date();

  const time = (moment) => `${moment.toISOString().slice(11, 19)} UTC`;

  // What is shown is old, and says so: numbers that stand still must not be taken for calm.
  function stale(why) {
    live.dataset.stale = "";
    note.textContent = `Not refreshed since ${time(fresh)}: ${why}`;
  }

  function inUse() {
    const selection = document.getSelection();
    const selecting = selection && !selection.isCollapsed && live.contains(selection.anchorNode);
    return selecting || live.contains(document.activeElement);
  }

  async function refresh() {
    if (over || document.hidden || inUse()) return;
    if (Date.now() - touched > IDLE_MS) {
      stale("paused, because nobody is here.");
      return;
    }
    try {
      const answer = await fetch(live.dataset.live, { credentials: "same-origin", cache: "no-store", redirect: "manual" });
      if (answer.type === "opaqueredirect" || answer.status === 403) {
        over = true;
        stale("you are signed out. Reload the page to sign in again.");
        return;
      }
      if (!answer.ok) {
        stale(`the answer was ${answer.status}${answer.status === 503 ? ", Redis or the database is away" : ""}; trying again.`);
        return;
      }
      const text = await answer.text();
      if (text !== shown && !inUse()) {
        live.innerHTML = text;
        shown = text;
      }
      fresh = new Date();
      delete live.dataset.stale;
      note.textContent = `As of ${time(fresh)}, fresh every ${PERIOD_MS / 1000} seconds.`;
    } catch {
      stale("nobody answers; trying again.");
    }
  }

  for (const sign of ["pointermove", "pointerdown", "keydown", "scroll", "focus"]) {
    window.addEventListener(sign, () => { touched = Date.now(); }, { passive: true });
  }
  setInterval(refresh, PERIOD_MS);
})();
