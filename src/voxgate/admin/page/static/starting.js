// The edge starts: this page is left as soon as somebody answers again. An address whose certificate has changed
// answers no script; then the browser goes there by itself after a while, and asks its user.
"use strict";
{
  const root = document.querySelector("[data-starting]");
  const began = Date.now();
  const look = async () => {
    try {
      // 503: the first run has not ended yet.
      if ((await fetch("/login", { cache: "no-store", redirect: "manual" })).status !== 503) {
        location.assign(root.dataset.next);
        return;
      }
    } catch {
      // not yet
    }
    if (Date.now() - began > 20000) location.assign(root.dataset.next);
    else setTimeout(look, 500);
  };
  setTimeout(look, 500);
}
