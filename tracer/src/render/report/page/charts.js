"use strict";
// Endings over time, how long phases took, and who has most.
const charts = {
  // Causes with a colour of their own; the others share one.
  coloured: 8,
  colours: new Map(),

  colour: (cause) => `var(--${charts.colours.get(cause) ?? "cause-rest"})`,

  assign(causes) {
    causes.slice(0, this.coloured).forEach(({ name }, at) => this.colours.set(name, `cause-${at}`));
  },

  // Stacked bars, one for each stretch of time.
  timeline(into, { from_us, width_ns, causes }, end_us) {
    const width = Math.max(320, into.clientWidth), height = 190;
    const left = 52, right = 8, top = 10, bottom = 26;
    const count = causes.length ? causes[0][1].length : 0;
    const sums = Array.from({ length: count }, (_, at) => causes.reduce((sum, [, it]) => sum + it[at], 0));
    const most = charts.nice(Math.max(1, ...sums));
    const step = (width - left - right) / Math.max(1, count);
    const up = (number) => height - bottom - (height - top - bottom) * number / most;
    const svg = drawn("svg", { viewBox: `0 0 ${width} ${height}`, width, height, role: "img",
      "aria-label": `Endings over time, at most ${words.count(Math.max(0, ...sums))} in ${words.span(width_ns)}` });
    for (const share of [0, 0.5, 1]) {
      if (share === 0.5 && most < 2) continue;
      const y = up(most * share);
      svg.append(drawn("line", { class: "grid", x1: left, x2: width - right, y1: y, y2: y }),
        drawn("text", { class: "tick", x: left - 8, y: y + 4, "text-anchor": "end" }, words.count(most * share)));
    }
    const parts = this.parts(causes);
    for (let at = 0; at < count; at++) {
      if (!sums[at]) continue;
      let below = 0;
      const bar = drawn("g", { class: "bar" });
      const lines = [`${words.time(from_us + at * width_ns / 1e3).slice(0, 12)}: ${words.many(sums[at], "ending")} in ${words.span(width_ns)}`];
      for (const [cause, counts] of parts) {
        if (!counts[at]) continue;
        const [high, low] = [up(below + counts[at]), up(below)];
        below += counts[at];
        bar.append(drawn("rect", { x: left + at * step, y: high, width: Math.max(1, step - (step > 4 ? 1 : 0)), height: Math.max(0.5, low - high),
          style: `fill:${this.colour(cause)}` }));
        lines.push(`${cause} ${words.count(counts[at])}`);
      }
      bar.append(drawn("title", {}, lines.join("\n")));
      svg.append(bar);
    }
    this.times(svg, from_us, from_us + count * width_ns / 1e3, (share) => left + share * (width - left - right), height - 8);
    into.replaceChildren(svg);
  },

  // The causes with a colour, and the sum of the others.
  parts(causes) {
    const parts = causes.slice(0, this.coloured);
    const rest = causes.slice(this.coloured);
    if (rest.length) parts.push(["others", rest[0][1].map((_, at) => rest.reduce((sum, [, it]) => sum + it[at], 0))]);
    return parts;
  },

  times(svg, from, until, across, y) {
    const steps = [1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 2e5, 5e5, 1e6, 2e6, 5e6, 1e7, 3e7, 6e7, 3e8, 6e8, 18e8, 36e8, 216e8, 864e8];
    const step = steps.find((it) => (until - from) / it <= 7) ?? 864e8;
    for (let at = Math.ceil(from / step) * step; at <= until; at += step) {
      const x = across((at - from) / (until - from));
      const text = step >= 864e8 ? words.date(at).slice(5, 10) : words.time(at).slice(0, step >= 1e6 ? 8 : 12);
      const anchor = x < 60 ? "start" : at + step / 3 > until ? "end" : "middle";
      svg.append(drawn("line", { class: "grid", x1: x, x2: x, y1: y - 16, y2: y - 12 }),
        drawn("text", { class: "tick", x, y, "text-anchor": anchor }, text));
    }
  },

  // The next number of one digit, even where it is halved.
  nice(number) {
    const unit = 10 ** Math.floor(Math.log10(number));
    return [1, 2, 4, 6, 8, 10].map((it) => it * unit).find((it) => it >= number);
  },

  legend(into, causes, all, ask) {
    into.replaceChildren(...causes.map(({ name, endings }) => element("button", {
      type: "button", class: "key", on: { click: () => ask(search.ask("cause", name)) }, title: `The endings of cause ${name}`,
    }, element("span", { class: "swatch", style: `background:${this.colour(name)}` }), words.plain(name),
    element("span", { class: "quiet" }, ` ${words.count(endings)}, ${words.percent(endings, all)}`))));
  },

  // One small chart a phase: what share took no longer.
  phases(into, phases) {
    into.replaceChildren(...phases.map((phase) => element("figure", { class: "phase" },
      element("figcaption", {}, element("strong", {}, words.plain(phase.phase)), element("span", { class: "quiet" }, ` ${words.many(phase.count, "time")}`)),
      this.curves(phase),
      element("dl", { class: "numbers" }, ["p50", "p90", "p99", "p999", "max", "mean"].map((name) => element("div", {},
        element("dt", {}, name === "p999" ? "p99.9" : name), element("dd", {}, words.span(phase[name]))))))));
  },

  curves({ phase, curves }) {
    const width = 340, height = 130, left = 34, right = 12, top = 8, bottom = 22;
    const all = curves.flatMap(({ points }) => points.map(([ns]) => Math.max(1, ns)));
    const low = Math.floor(Math.log10(Math.min(...all)));
    const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(...all))));
    const across = (ns) => left + (width - left - right) * (Math.log10(Math.max(1, ns)) - low) / (high - low);
    const up = (share) => height - bottom - (height - top - bottom) * share;
    const svg = drawn("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `How long ${words.plain(phase)} took` });
    for (const share of [0, 0.5, 0.9, 1]) {
      svg.append(drawn("line", { class: "grid", x1: left, x2: width - right, y1: up(share), y2: up(share) }));
      if (share !== 1) svg.append(drawn("text", { class: "tick", x: left - 5, y: up(share) + 3, "text-anchor": "end" }, `${share * 100}%`));
    }
    const every = high - low > 6 ? 2 : 1;
    for (let decade = low; decade <= high; decade++) {
      const x = across(10 ** decade);
      svg.append(drawn("line", { class: "grid", x1: x, x2: x, y1: top, y2: height - bottom }));
      if ((decade - low) % every === 0) {
        svg.append(drawn("text", { class: "tick", x, y: height - 7, "text-anchor": decade === high ? "end" : "middle" }, words.unit(10 ** decade)));
      }
    }
    for (const { cause, count, points } of [...curves].reverse()) {
      let path = "", before = 0;
      for (const [ns, share] of points) {
        const x = across(ns).toFixed(1);
        path += `${path ? "L" : "M"}${x} ${up(before).toFixed(1)}L${x} ${up(share).toFixed(1)}`;
        before = share;
      }
      svg.append(drawn("path", { class: cause ? "curve" : "curve all", d: path, style: cause ? `stroke:${this.colour(cause)}` : null },
        drawn("title", {}, `${cause ? words.plain(cause) : "all endings"}: ${words.count(count)}`)));
    }
    return svg;
  },

  // Bars of who has most; each finds its endings.
  ranking(into, { first, keys, others }, field, ask) {
    if (!first.length) {
      into.replaceChildren(element("p", { class: "quiet" }, "None is known."));
      return;
    }
    const shown = 8;
    const most = first[0].endings;
    const line = ({ name, find, endings, reset, leaked }) => element("li", {}, element("button", {
      type: "button", class: "rank", on: { click: () => ask(find ?? search.ask(field, name)) }, title: `The endings of ${name}`,
    }, element("span", { class: "name" }, name), element("span", { class: "number" }, words.count(endings)),
    element("span", { class: "share" }, element("span", { style: `width:${100 * endings / most}%` })),
    element("span", { class: "quiet note" }, `${words.percent(reset, endings)} by RST${leaked ? `, ${words.percent(leaked, endings)} leaked` : ""}`)));
    const list = element("ol", { class: "ranks" }, first.slice(0, shown).map(line));
    const more = keys - Math.min(shown, first.length);
    const rest = element("button", { type: "button", class: "more" }, first.length > shown ? `${words.count(Math.min(more, first.length - shown))} more` : "");
    rest.addEventListener("click", () => {
      list.append(...first.slice(shown).map(line));
      rest.replaceWith(keys > first.length ? element("p", { class: "quiet" }, `and ${words.many(keys - first.length, "other")}`) : "");
    });
    into.replaceChildren(list, first.length > shown ? rest : "",
      others ? element("p", { class: "quiet" }, `${words.many(others, "ending")} of more than are told apart`) : "");
  },
};
