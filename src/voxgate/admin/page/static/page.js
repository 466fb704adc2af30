// What every page does: the menu on narrow screens, questions before what cannot be undone, errors of htmx.
"use strict";
document.addEventListener("click", (event) => {
  const menu = event.target.closest("[data-menu]");
  if (menu) {
    const open = menu.getAttribute("aria-expanded") !== "true";
    menu.setAttribute("aria-expanded", String(open));
    document.getElementById(menu.getAttribute("aria-controls")).toggleAttribute("data-open", open);
  }
});
document.addEventListener("keydown", (event) => {
  const menu = document.querySelector("[data-menu][aria-expanded=true]");
  if (event.key === "Escape" && menu) {
    menu.click();
    menu.focus();
  }
});
// A form that asks: <form data-ask="Remove the PBX hq?">
document.addEventListener("submit", (event) => {
  const words = event.submitter?.dataset.ask || event.target.dataset.ask;
  if (words && !window.confirm(words)) event.preventDefault();
});
const trouble = (words) => {
  const place = document.querySelector("[data-trouble]");
  if (!place) return;
  place.textContent = words;
  place.hidden = !words;
};
document.addEventListener("htmx:sendError", () => trouble("Voxgate does not answer. Is it being started anew?"));
document.addEventListener("htmx:afterRequest", (event) => event.detail.successful && trouble(""));
document.addEventListener("voxgate:trouble", (event) => trouble(event.detail));
