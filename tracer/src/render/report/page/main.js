"use strict";
// Puts the page together.
const page = {
  themes: ["auto", "light", "dark"],

  async open() {
    this.theme("auto");
    document.getElementById("theme").addEventListener("click", () => this.theme());
    document.getElementById("print").addEventListener("click", () => print());
    try {
      await data.open();
      this.show();
    } catch (error) {
      const failure = document.getElementById("failure");
      failure.textContent = `The data of this page cannot be read: ${error.message}`;
      failure.hidden = false;
      throw error;
    }
    document.documentElement.dataset.ready = Math.round(performance.now());
  },

  // The next theme, or the one that is named.
  theme(name) {
    const root = document.documentElement;
    const next = name ?? this.themes[(this.themes.indexOf(root.dataset.theme) + 1) % this.themes.length];
    root.dataset.theme = next;
    const button = document.getElementById("theme");
    button.textContent = next[0].toUpperCase() + next.slice(1);
    button.setAttribute("aria-label", `Theme: ${next === "auto" ? "as the system has it" : next}`);
  },

  show() {
    const { whole } = data;
    const { about } = whole;
    document.getElementById("name").textContent = about.name;
    const span = words.span(Math.max(0, whole.end_us - whole.start_us) * 1e3);
    document.getElementById("about").textContent = [
      `${words.date(whole.start_us)} to ${words.date(whole.end_us)} UTC, ${span}`,
      about.kernel && `Linux ${about.kernel} ${about.machine ?? ""}`, about.finrst && `finrst ${about.finrst}`,
    ].filter(Boolean).join(" · ");
    document.getElementById("foot").textContent = `Written by finrst from ${about.name}.`;
    account.show(whole);
    charts.assign(whole.causes);
    const ask = (query) => this.ask(query, true);
    const draw = () => charts.timeline(document.getElementById("timeline"), whole.timeline);
    draw();
    charts.legend(document.getElementById("legend"), whole.causes, whole.endings, ask);
    document.getElementById("latency").hidden = !whole.phases.length;
    charts.phases(document.getElementById("phases"), whole.phases);
    charts.ranking(document.getElementById("owners"), whole.owners, "comm", ask);
    charts.ranking(document.getElementById("peers"), whole.peers, "remote", ask);
    charts.ranking(document.getElementById("code"), whole.code, "code", ask);
    this.table();
    let width = innerWidth;
    addEventListener("resize", () => {
      if (innerWidth === width) return;
      width = innerWidth;
      draw();
      details.redraw();
    });
  },

  table() {
    table.open((row) => details.show(row));
    const query = document.getElementById("query");
    let waiting = 0;
    query.addEventListener("input", () => {
      clearTimeout(waiting);
      waiting = setTimeout(() => this.find(), 60);
    });
    document.getElementById("clear").addEventListener("click", () => this.ask("", false));
    addEventListener("keydown", (event) => {
      if (event.key === "/" && document.activeElement !== query && !event.ctrlKey && !event.metaKey) {
        event.preventDefault();
        query.focus();
        query.select();
      } else if (event.key === "Escape" && document.activeElement === query) {
        this.ask("", false);
      }
    });
    query.addEventListener("keydown", (event) => {
      if (event.key !== "ArrowDown" && event.key !== "Enter") return;
      event.preventDefault();
      this.find();
      table.grid.focus();
      if (table.rows.length) table.select(table.rows[0]);
    });
    this.find();
    const row = location.hash ? data.rowOf(decodeURIComponent(location.hash.slice(1))) : -1;
    if (row >= 0) {
      table.select(row);
      table.reveal(row);
    }
  },

  // Shows the endings of a query.
  ask(query, go) {
    document.getElementById("query").value = query;
    this.find();
    if (go) document.getElementById("endings").scrollIntoView({ behavior: "auto" });
  },

  find() {
    const rows = search.rows(document.getElementById("query").value);
    table.show(rows);
    document.getElementById("found").textContent = rows.length === data.rows
      ? words.many(rows.length, "ending") : `${words.count(rows.length)} of ${words.many(data.rows, "ending")}`;
    document.getElementById("paper").textContent = `${words.many(rows.length, "ending")} found; the table shows those in sight.`;
  },
};

// What was seen, and what was not.
const account = {
  show(whole) {
    const { tally } = whole;
    const card = (number, title, kind = "") => element("div", { class: `card ${kind}` }, element("strong", {}, number), element("span", {}, title));
    document.getElementById("cards").replaceChildren(
      card(words.count(whole.endings), whole.endings === 1 ? "ending" : "endings"),
      card(words.percent(whole.reset, whole.endings), "ended by RST", whole.reset ? "rst" : ""),
      card(words.percent(whole.leaked, whole.endings), "forgotten by somebody", whole.leaked ? "warn" : ""),
      card(words.count(whole.owners.keys), whole.owners.keys === 1 ? "owner" : "owners"),
      card(words.count(whole.peers.keys), whole.peers.keys === 1 ? "peer" : "peers"),
      card(words.count(tally.lost), tally.lost ? "records lost" : "lost", tally.lost ? "warn" : "good"));
    const read = tally.received;
    const lines = [
      `${words.many(tally.emitted, "record")} emitted = ${words.count(read)} received + ${words.count(tally.lost)} lost` +
        (tally.emitted === read + tally.lost ? "" : ` + ${words.count(tally.emitted - read - tally.lost)} still on the way when the recording stops`),
    ];
    const lost = Object.entries(tally.by_kind).filter(([, it]) => it.lost).map(([kind, it]) => `${words.count(it.lost)} ${words.plain(kind)}`);
    if (lost.length) lines.push(`Lost: ${lost.join(", ")}`);
    const capture = tally.capture ?? {};
    const rest = [[tally.missed, "hook runs skipped by the kernel"], [tally.undecodable, "records undecodable"], [tally.late, "records late"],
      [tally.early, "records used early"], [tally.filtered, "left out by a filter"], [tally.evicted, "connections forgotten for want of room"],
      [tally.hurried, "endings told before their segments were read"], [capture.dropped, "frames dropped by the capture"],
      [capture.unreadable, "frames unreadable"], [capture.untimed, "segments without a time"], [capture.left_out, "network namespaces not captured"],
      [capture.syns_left_out, "SYNs not looked at"], [tally.unjoined_segments, "segments of no ending"], [tally.clock?.steps, "settings of the wall clock"]];
    for (const [number, what] of rest) if (number) lines.push(`${words.count(number)} ${what}`);
    for (const delay of tally.delays ?? []) {
      lines.push(`${delay.device ?? "a device"}: ${words.many(delay.segments, "segment")} ${delay.direction === "tx" ? "sent, kernel → wire" : "received, wire → kernel"}` +
        ` p50 ${words.span(delay.p50_ns)}, p99 ${words.span(delay.p99_ns)}, max ${words.span(delay.max_ns)}`);
    }
    for (const it of whole.alignments) {
      lines.push(it.residual_ns ? `${it.file}: ${words.many(it.matches, "segment")} aligned, residual p50 ${words.span(it.residual_ns.p50)}, max ${words.span(it.residual_ns.max)}`
        : `${it.file}: not aligned, ${words.many(it.outliers, "segment")} in both`);
    }
    document.getElementById("account").replaceChildren(element("ul", {}, lines.map((line, at) => element("li", { class: at && !line.includes("p50") ? "" : "sure" }, line))));
  },
};

page.open();
