// Before anything is painted: the colours that this browser's user chose. Without a choice, those of the system.
"use strict";
{
  const KEY = "voxgate-theme";
  const NAMES = { auto: "as the system", light: "light", dark: "dark" };
  const chosen = () => {
    try {
      return localStorage.getItem(KEY) || "auto";
    } catch {
      return "auto"; // storage is forbidden in this browser
    }
  };
  const show = (theme) => {
    const root = document.documentElement;
    if (theme === "auto") delete root.dataset.theme;
    else root.dataset.theme = theme;
    for (const name of document.querySelectorAll("[data-theme-name]")) name.textContent = NAMES[theme];
    document.dispatchEvent(new CustomEvent("voxgate:theme"));
  };
  document.documentElement.classList.add("js");
  show(chosen());
  document.addEventListener("DOMContentLoaded", () => show(chosen()));
  document.addEventListener("click", (event) => {
    if (!event.target.closest("[data-theme-switch]")) return;
    const order = Object.keys(NAMES);
    const next = order[(order.indexOf(chosen()) + 1) % order.length];
    try {
      localStorage.setItem(KEY, next);
    } catch {
      // it holds for this page then
    }
    show(next);
  });
}
