// Keeps the limits page fresh. Without it the page is as complete, and is reloaded by hand.
"use strict";
(() => {
  const PERIOD_MS = 5000;
  // Staff's sessions end when nobody is there, so a page that nobody looks at must not keep one alive.
  const IDLE_MS = 10 * 60 * 1000;
  const live = document.getElementById("limits-live");
  const note = document.getElementById("limits-note");
  if (!live || !note) return;
  let shown = null;
  let touched = Date.now();
  let over = false;

  function inUse() {
    const selection = document.getSelection();
    const selecting = selection && !selection.isCollapsed && live.contains(selection.anchorNode);
    return selecting || live.contains(document.activeElement);
  }

  async function refresh() {
    if (over || document.hidden || inUse()) return;
    if (Date.now() - touched > IDLE_MS) {
      note.textContent = "Paused, because nobody is here.";
      return;
    }
    try {
      const answer = await fetch(live.dataset.url, { credentials: "same-origin", cache: "no-store", redirect: "manual" });
      if (answer.type === "opaqueredirect" || answer.status === 403) {
        over = true;
        note.textContent = "You are signed out. Reload the page to sign in again.";
        return;
      }
      if (!answer.ok) throw new Error(String(answer.status));
      const text = await answer.text();
      if (text !== shown && !inUse()) {
        live.innerHTML = text;
        shown = text;
      }
      note.textContent = `As of ${new Date().toISOString().slice(11, 19)} UTC, fresh every ${PERIOD_MS / 1000} seconds.`;
    } catch {
      note.textContent = "The page could not be refreshed; trying again.";
    }
  }

  for (const sign of ["pointermove", "pointerdown", "keydown", "scroll", "focus"]) {
    window.addEventListener(sign, () => { touched = Date.now(); }, { passive: true });
  }
  setInterval(refresh, PERIOD_MS);
})();
