// Text areas for YAML: where the cursor is, indenting with Ctrl+] and Ctrl+[, and the way to a line of a mistake.
"use strict";
{
  const lineOf = (area) => area.value.slice(0, area.selectionStart).split("\n").length;
  const shift = (area, deeper) => {
    const from = area.value.lastIndexOf("\n", area.selectionStart - 1) + 1;
    const until = area.selectionEnd;
    const block = area.value.slice(from, until);
    const made = deeper ? block.replace(/^/gm, "  ") : block.replace(/^ {1,2}/gm, "");
    area.setRangeText(made, from, until, "select");
  };
  document.addEventListener("DOMContentLoaded", () => {
    for (const area of document.querySelectorAll("[data-editor]")) {
      const place = area.parentElement.querySelector("[data-place]");
      const tell = () => place && (place.textContent = `Line ${lineOf(area)}`);
      for (const name of ["keyup", "click", "focus"]) area.addEventListener(name, tell);
      area.addEventListener("keydown", (event) => {
        if (!event.ctrlKey || !["[", "]"].includes(event.key) || area.readOnly) return;
        event.preventDefault();
        shift(area, event.key === "]");
      });
    }
    // `voxgate.yaml:12` in a list of mistakes leads to that line.
    for (const code of document.querySelectorAll(".notice li code:first-child")) {
      const [, name, line] = code.textContent.match(/^(.+):(\d+)$/) || [];
      const label = [...document.querySelectorAll("label")].find((one) => one.textContent.split("/").at(-1) === name);
      if (!label) continue;
      const button = document.createElement("button");
      button.type = "button";
      button.className = "quiet";
      button.textContent = code.textContent;
      button.addEventListener("click", () => {
        const area = document.getElementById(label.htmlFor);
        const lines = area.value.split("\n");
        const start = lines.slice(0, line - 1).join("\n").length + (line > 1 ? 1 : 0);
        area.focus();
        area.setSelectionRange(start, start + (lines[line - 1] || "").length);
        area.scrollTop = (area.scrollHeight / lines.length) * Math.max(0, line - 5);
      });
      code.replaceWith(button);
    }
  });
}
