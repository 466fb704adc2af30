// Live parts: <div data-live="/live/NAME"> holds elements with data-part; each event of the stream replaces the part
// of its name. A part with data-json gets its data as the event "voxgate:data" instead. A page that nobody sees does not
// listen: a browser has six connections to a host, for all its tabs.
"use strict";
{
  const listen = (root) => {
    let source = null;
    const stop = () => {
      source?.close();
      source = null;
    };
    const start = () => {
      if (source || document.hidden || !root.isConnected) return;
      source = new EventSource(root.dataset.live);
      for (const part of root.querySelectorAll("[data-part]")) {
        source.addEventListener(part.dataset.part, (event) => {
          if ("json" in part.dataset) {
            part.dispatchEvent(new CustomEvent("voxgate:data", { detail: JSON.parse(event.data) }));
          } else if (!part.contains(document.activeElement) || part === document.activeElement) {
            htmx.swap(part, event.data, { swapStyle: "innerHTML" });
          }
        });
      }
      const say = (words) => document.dispatchEvent(new CustomEvent("voxgate:trouble", { detail: words }));
      source.addEventListener("open", () => say(""));
      source.addEventListener("trouble", (event) => say(event.data));
      // The session is over.
      source.addEventListener("over", () => location.reload());
      source.addEventListener("error", () => {
        say("The connection is lost; trying again.");
        // Refused (too many, or logged out): the browser does not try by itself.
        if (source?.readyState === EventSource.CLOSED) {
          stop();
          setTimeout(start, 10000);
        }
      });
    };
    document.addEventListener("visibilitychange", () => (document.hidden ? stop() : start()));
    window.addEventListener("pagehide", stop);
    window.addEventListener("pageshow", start);
    start();
  };
  document.addEventListener("DOMContentLoaded", () => document.querySelectorAll("[data-live]").forEach(listen));
}
