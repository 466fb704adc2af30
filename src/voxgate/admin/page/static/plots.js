// The last hour as plots: <div data-plots data-values="{...}"> with one <figure data-series="calls"> for each.
"use strict";
document.addEventListener("DOMContentLoaded", () => {
  const root = document.querySelector("[data-plots]");
  if (!root) return;
  let data = JSON.parse(root.dataset.values);
  const plots = new Map();
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  // Always the whole hour: a curve that begins late says that the edge did.
  const hour = () => {
    const last = data.at.at(-1) ?? Date.now() / 1000;
    return [last - 3600, last];
  };
  const told = (value) => (value === null || value === undefined ? "-" : Number(value).toLocaleString("en"));
  const describe = (figure, values) => {
    const known = values.filter((value) => value !== null);
    const now = told(values.at(-1));
    figure.querySelector("[data-now]").textContent = now;
    const most = known.length ? told(Math.max(...known)) : "-";
    figure.querySelector(".plot").setAttribute("aria-label", `${figure.dataset.label}: now ${now}, at most ${most} in the last hour`);
  };
  const draw = (figure) => {
    const place = figure.querySelector(".plot");
    const values = data[figure.dataset.series];
    const axis = { stroke: colour("--faint"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false } };
    plots.get(figure)?.destroy();
    const options = {
      width: place.clientWidth,
      height: place.clientHeight,
      legend: { show: false },
      cursor: { drag: { x: false, y: false } },
      scales: { x: { range: hour }, y: { range: (_, __, most) => [0, Math.max(most * 1.1, 1)] } },
      axes: [{ ...axis, size: 30, values: (_, ticks) => ticks.map((at) => new Date(at * 1000).toISOString().slice(11, 16)) }, { ...axis, size: 45 }],
      series: [{}, { stroke: colour("--link"), fill: colour("--mark"), width: 2, points: { show: false } }],
    };
    plots.set(figure, new uPlot(options, [data.at, values], place));
    describe(figure, values);
  };
  const all = () => root.querySelectorAll("[data-series]").forEach(draw);
  root.addEventListener("voxgate:data", (event) => {
    data = event.detail;
    for (const [figure, plot] of plots) {
      plot.setData([data.at, data[figure.dataset.series]]);
      describe(figure, data[figure.dataset.series]);
    }
  });
  document.addEventListener("voxgate:theme", all);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", all);
  let width = root.clientWidth;
  new ResizeObserver(() => {
    if (root.clientWidth !== width) {
      width = root.clientWidth;
      all();
    }
  }).observe(root);
  all();
});
