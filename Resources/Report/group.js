"use strict";
// Filters and brushes of a cohort's page: what is shown in one plot or table is shown in all.
const data = JSON.parse(document.getElementById("data").textContent);
const count = data.scan.length;
const get = (id) => document.getElementById(id);
const colours = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#8b6d2f", "#7a5ab5"]; // Okabe & Ito, and two more
const other = "#808080";
const most = 200; // rows of a table
const state = { colour: "scanner", picks: {}, brushes: {}, words: "" };
let shown = new Uint8Array(count).fill(1);

const number = (v) => (v === null ? "–" : Math.abs(v) >= 100 ? v.toFixed(0) : Math.abs(v) >= 10 ? v.toFixed(1) : v.toFixed(2));
const style = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const hash = (n) => ((Math.imul(n + 1, 2654435761) >>> 8) % 1000) / 1000; // the same jitter at every drawing

/** Colour of every level of what colours: the commonest have their own. */
function palette() {
  const dim = data.dims[state.colour];
  if (state.colour === "verdict") return dim.levels.map((l) => style(`--${l === "withheld" ? "none" : l}`));
  const sizes = dim.levels.map((_, n) => [n, 0]);
  for (const c of dim.codes) sizes[c][1]++;
  const rank = sizes.sort((a, b) => b[1] - a[1]).map(([n]) => n);
  return dim.levels.map((_, n) => (rank.indexOf(n) < colours.length ? colours[rank.indexOf(n)] : other));
}

function filter() {
  const words = state.words.toLowerCase();
  for (let n = 0; n < count; n++) {
    let ok = !words || data.scan[n].toLowerCase().includes(words);
    for (const d in state.picks) ok = ok && data.dims[d].codes[n] === state.picks[d];
    for (const k in state.brushes) {
      const v = data.values[k][n], [low, high] = state.brushes[k];
      ok = ok && v !== null && v >= low && v <= high;
    }
    shown[n] = ok ? 1 : 0;
  }
}

const plots = [...document.querySelectorAll("canvas")].map((canvas) => {
  const x = data.axes[canvas.dataset.x], y = canvas.dataset.y ? data.axes[canvas.dataset.y] : null;
  return { canvas, kx: canvas.dataset.x, ky: canvas.dataset.y || null, x, y };
});
const margin = { left: 40, right: 12, top: 8, bottom: 22 };

function scale(axis, from, to) {
  const f = axis.log ? (v) => Math.log10(1 + v / axis.log) : (v) => v;
  const g = axis.log ? (t) => axis.log * (10 ** t - 1) : (t) => t;
  const low = f(axis.low), span = f(axis.high) - low || 1;
  const at = (v) => from + ((f(v) - low) / span) * (to - from);
  at.back = (p) => g(low + ((p - from) / (to - from)) * span);
  return at;
}

function ticks(axis) {
  if (axis.log) return [0, 0.1, 0.5, 2, 10, 50].filter((v) => v <= axis.high);
  const raw = (axis.high - axis.low) / 5, unit = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((m) => m * unit).find((s) => s >= raw);
  const found = [];
  for (let v = Math.ceil(axis.low / step) * step; v <= axis.high + 1e-9; v += step) found.push(Math.abs(v) < 1e-9 ? 0 : v);
  return found;
}

function draw(plot) {
  const { canvas } = plot, box = canvas.getBoundingClientRect(), dots = window.devicePixelRatio || 1;
  canvas.width = box.width * dots;
  canvas.height = box.height * dots;
  const c = canvas.getContext("2d");
  c.scale(dots, dots);
  const w = box.width, h = box.height, left = plot.y ? margin.left : 10;
  plot.sx = scale(plot.x, left, w - margin.right);
  plot.sy = plot.y ? scale(plot.y, h - margin.bottom, margin.top) : null;
  for (const [from, to, band] of plot.x.bands) {
    const a = Math.max(left, plot.sx(from)), b = Math.min(w - margin.right, plot.sx(to));
    c.globalAlpha = 0.18;
    c.fillStyle = style(`--${band}-fill`);
    if (!plot.y && b > a) c.fillRect(a, 0, b - a, h - margin.bottom);
  }
  c.globalAlpha = 1;
  c.fillStyle = style("--quiet");
  c.font = "11px system-ui, sans-serif";
  c.textAlign = "center";
  for (const v of ticks(plot.x)) {
    c.fillText(String(Number(v.toPrecision(4))), plot.sx(v), h - 6);
    c.fillRect(plot.sx(v), h - margin.bottom, 1, 4);
  }
  c.textAlign = "right";
  if (plot.y) for (const v of ticks(plot.y)) c.fillText(String(Number(v.toPrecision(4))), left - 6, plot.sy(v) + 4);
  const xs = data.values[plot.kx], ys = plot.ky ? data.values[plot.ky] : null, codes = data.dims[state.colour].codes, fill = palette();
  const size = count > 3000 ? 2 : 3.5, faint = style("--rule");
  for (const pass of [0, 1]) {
    for (let n = 0; n < count; n++) {
      if (shown[n] !== pass || xs[n] === null || (ys && ys[n] === null)) continue;
      c.fillStyle = pass ? fill[codes[n]] : faint;
      const py = ys ? plot.sy(ys[n]) : margin.top + hash(n) * (h - margin.top - margin.bottom - 4);
      c.fillRect(plot.sx(xs[n]) - size / 2, py - size / 2, size, size);
    }
  }
  const bx = state.brushes[plot.kx], by = plot.ky ? state.brushes[plot.ky] : null;
  if (bx || by) {
    const x0 = bx ? plot.sx(Math.max(bx[0], plot.x.low)) : left, x1 = bx ? plot.sx(Math.min(bx[1], plot.x.high)) : w - margin.right;
    const y1 = by ? plot.sy(by[0]) : h - margin.bottom, y0 = by ? plot.sy(by[1]) : 1;
    c.strokeStyle = style("--ink");
    c.strokeRect(x0, y0, x1 - x0, y1 - y0);
  }
  const range = document.querySelectorAll(`input[data-range="${plot.kx}"]`);
  if (!plot.ky && range.length) range.forEach((i, n) => document.activeElement === i || (i.value = bx ? Number(bx[n].toPrecision(4)) : ""));
}

/** A cell that is text, or a link. */
function cell(tag, text, href) {
  const td = document.createElement(tag);
  if (href) {
    const a = document.createElement("a");
    a.href = href;
    a.textContent = text;
    td.append(a);
  } else td.textContent = text;
  return td;
}

function fillRows(id, rows) {
  get(id).replaceChildren(...rows.map((cells) => {
    const tr = document.createElement("tr");
    tr.append(...cells.map(([text, href], n) => cell(n ? "td" : "th", text, href)));
    tr.firstChild.scope = "row";
    return tr;
  }));
}

function bars(id, entries, unit) {
  const top = Math.max(...entries.map(([, v]) => v), 1e-9);
  get(id).replaceChildren(...entries.map(([name, v, kind]) => {
    const li = document.createElement("li"), bar = document.createElement("span");
    bar.className = `meter v-${kind || "cost"}`;
    bar.style.width = `${(100 * v) / top}%`;
    li.append(cell("span", name), cell("span", unit(v)), bar);
    return li;
  }));
}

function tables() {
  const total = shown.reduce((a, b) => a + b, 0), at = [];
  for (let n = 0; n < count; n++) if (shown[n]) at.push(n);
  get("shown").textContent = `${total} of ${count} scans`;
  const verdicts = data.dims.verdict, sums = verdicts.levels.map(() => 0);
  for (const n of at) sums[verdicts.codes[n]]++;
  bars("verdicts", verdicts.levels.map((l, i) => [l, sums[i], l]), (v) => `${v} (${total ? Math.round((100 * v) / total) : 0} %)`);
  const costs = Object.entries(data.points).map(([k, p]) => {
    const known = at.filter((n) => p[n] !== null);
    return [data.axes[k].title, known.length ? -known.reduce((a, n) => a + p[n], 0) / known.length : 0];
  });
  bars("costs", costs.sort((a, b) => b[1] - a[1]), (v) => `${v.toFixed(1)} points`);
  const name = (n) => [data.scan[n], data.report[n] ? data.base + data.report[n] : ""];
  const odd = data.outliers.filter(([n]) => shown[n]).slice(0, most);
  fillRows("outliers", odd.map(([n, k, z]) => [name(n), [data.axes[k].title], [`${number(data.values[k][n])} ${data.axes[k].unit}`], [`${z > 0 ? "+" : ""}${z.toFixed(1)}`], [data.dims.scanner.levels[data.dims.scanner.codes[n]]]]));
  const worst = at.sort((a, b) => (data.values.overall[a] ?? -1) - (data.values.overall[b] ?? -1)).slice(0, most);
  fillRows("scans", worst.map((n) => [name(n), [data.date[n]], [verdicts.levels[verdicts.codes[n]]], [number(data.values.overall[n])], [data.limiting[n]]]));
  get("more").textContent = total > most ? `The ${most} worst of ${total}.` : "";
}

function legend() {
  const dim = data.dims[state.colour], fill = palette();
  get("legend").replaceChildren(...dim.levels.map((level, n) => {
    const li = document.createElement("li");
    li.innerHTML = `<svg width="12" height="12" aria-hidden="true"><rect width="12" height="12" fill="${fill[n]}"></rect></svg>`;
    li.append(level);
    return li;
  }));
}

let waiting = 0;
function update() {
  clearTimeout(waiting); // of many movements of the mouse, the last one counts
  waiting = setTimeout(() => {
    filter();
    plots.forEach(draw);
    tables();
  }, 8);
}

for (const plot of plots) {
  let from = null;
  const place = (e) => {
    const box = plot.canvas.getBoundingClientRect();
    return [e.clientX - box.left, e.clientY - box.top];
  };
  plot.canvas.addEventListener("pointerdown", (e) => {
    from = place(e);
    plot.canvas.setPointerCapture(e.pointerId);
  });
  plot.canvas.addEventListener("pointermove", (e) => {
    if (!from) return;
    const to = place(e);
    for (const [key, at, n] of [[plot.kx, plot.sx, 0], [plot.ky, plot.sy, 1]]) {
      if (key) state.brushes[key] = [at.back(from[n]), at.back(to[n])].sort((a, b) => a - b);
    }
    update();
  });
  plot.canvas.addEventListener("pointerup", (e) => {
    const to = place(e);
    if (from && Math.hypot(to[0] - from[0], to[1] - from[1]) < 4) for (const k of [plot.kx, plot.ky]) delete state.brushes[k];
    from = null;
    update();
  });
}
document.querySelectorAll("input[data-range]").forEach((input) => input.addEventListener("change", () => {
  const [low, high] = [...document.querySelectorAll(`input[data-range="${input.dataset.range}"]`)].map((i) => i.value);
  if (low === "" && high === "") delete state.brushes[input.dataset.range];
  else state.brushes[input.dataset.range] = [low === "" ? -Infinity : Number(low), high === "" ? Infinity : Number(high)];
  update();
}));
document.querySelectorAll("select[data-dim]").forEach((select) => select.addEventListener("change", () => {
  if (select.value === "") delete state.picks[select.dataset.dim];
  else state.picks[select.dataset.dim] = Number(select.value);
  update();
}));
get("colour").addEventListener("change", (e) => {
  state.colour = e.target.value;
  legend();
  update();
});
get("words").addEventListener("input", (e) => {
  state.words = e.target.value;
  update();
});
get("clear").addEventListener("click", () => {
  Object.assign(state, { picks: {}, brushes: {}, words: "" });
  document.querySelectorAll("select[data-dim], input").forEach((i) => (i.value = ""));
  update();
});
get("export").addEventListener("click", () => {
  const lines = ["scan", ...data.scan.filter((_, n) => shown[n])].map((s) => (/[",\n]/.test(s) ? `"${s.replaceAll('"', '""')}"` : s));
  const a = document.createElement("a");
  a.href = URL.createObjectURL(new Blob([lines.join("\n") + "\n"], { type: "text/csv" }));
  a.download = "worklist.csv";
  a.click();
  URL.revokeObjectURL(a.href);
});
window.addEventListener("resize", update);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", update);
legend();
update();
