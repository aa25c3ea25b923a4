"use strict";
// The table of endings: only the lines in sight are in the document, however many there are.
const table = {
  columns: [
    { name: "time", title: "Time", key: (row) => data.columns.at_us[row], show: (row) => words.time(data.columns.at_us[row]) },
    { name: "owner", title: "Owner", text: "comm", show: (row) => data.text("comm", row) || "–" },
    { name: "pid", title: "PID", number: true, key: (row) => data.columns.pid[row],
      show: (row) => (Number.isNaN(data.columns.pid[row]) ? "–" : `${data.columns.pid[row]}`) },
    { name: "local", title: "Local", text: "local", then: "local_port", show: data.local },
    { name: "remote", title: "Remote", text: "remote", then: "remote_port", show: data.remote },
    { name: "how", title: "How", text: "how", show: (row) => words.plain(data.text("how", row)) },
    { name: "cause", title: "Cause", text: "cause", show: (row) => words.plain(data.text("cause", row)) },
    { name: "close", title: "Close", number: true, key: (row) => data.columns.close_ns[row],
      show: (row) => (Number.isNaN(data.columns.close_ns[row]) ? "–" : words.span(data.columns.close_ns[row])) },
    { name: "code", title: "Called from", text: "code", show: (row) => data.text("code", row) },
  ],
  height: 30,
  // No element may be taller than browsers let it: beyond, scrolling is by share.
  tallest: 10_000_000,
  rows: new Uint32Array(0),
  sorted: { column: null, down: false },
  selected: -1,
  chosen: () => {},

  open(chosen) {
    this.chosen = chosen;
    this.grid = document.getElementById("table");
    this.head = this.grid.querySelector(".head");
    this.body = this.grid.querySelector(".body");
    this.tall = this.grid.querySelector(".tall");
    this.grid.setAttribute("aria-colcount", this.columns.length);
    this.head.append(...this.columns.map((column, at) => element("button", {
      type: "button", role: "columnheader", "aria-colindex": at + 1, "aria-sort": "none", tabindex: 0,
      class: `cell ${column.name}${column.number ? " number" : ""}`,
      "data-column": column.name,
      on: { click: () => this.sortBy(column) },
    }, column.title)));
    this.body.addEventListener("scroll", () => this.draw(), { passive: true });
    this.body.addEventListener("click", (event) => {
      const line = event.target.closest("[data-row]");
      if (line) this.select(Number(line.dataset.row));
    });
    this.grid.addEventListener("keydown", (event) => this.key(event));
    new ResizeObserver(() => this.draw()).observe(this.body);
  },

  show(rows) {
    this.rows = rows;
    this.sort();
    this.grid.setAttribute("aria-rowcount", rows.length + 1);
    this.tall.style.height = `${Math.min(rows.length * this.height, this.tallest)}px`;
    this.body.scrollTop = 0;
    this.draw(true);
  },

  // Up, down, and as it was.
  sortBy(column) {
    const { sorted } = this;
    if (sorted.column !== column) this.sorted = { column, down: Boolean(column.number) };
    else if (sorted.down === Boolean(column.number)) this.sorted = { column, down: !sorted.down };
    else this.sorted = { column: null, down: false };
    for (const it of this.head.children) {
      const own = it.dataset.column === this.sorted.column?.name;
      it.setAttribute("aria-sort", own ? (this.sorted.down ? "descending" : "ascending") : "none");
    }
    this.show(this.rows);
  },

  // What is not known comes last, equals in the order of their telling.
  sort() {
    const { column, down } = this.sorted;
    if (!column) {
      this.rows.sort();
      return;
    }
    const sign = down ? -1 : 1;
    const key = column.text ? this.ranks(column) : column.key;
    const keys = Float64Array.from(this.rows, (row) => key(row));
    const order = Uint32Array.from(keys.keys());
    const rows = this.rows;
    order.sort((one, other) => {
      const [a, b] = [keys[one], keys[other]];
      if (a === b || (Number.isNaN(a) && Number.isNaN(b))) return rows[one] - rows[other];
      if (Number.isNaN(a)) return 1;
      if (Number.isNaN(b)) return -1;
      return sign * (a - b);
    });
    this.rows = order.map((at) => rows[at]);
  },

  // Texts by their rank in the alphabet, so that rows are compared as numbers.
  ranks({ text, then }) {
    this.collated ??= new Intl.Collator("en", { numeric: true });
    if (!this.rank) {
      const places = [...data.strings.keys()].sort((a, b) => this.collated.compare(data.strings[a], data.strings[b]));
      this.rank = new Float64Array(data.strings.length);
      places.forEach((place, rank) => { this.rank[place] = rank; });
      this.rank[0] = NaN;
    }
    const own = data.columns[text];
    const behind = then && data.columns[then];
    return (row) => this.rank[own[row]] * (behind ? 65536 : 1) + (behind ? behind[row] : 0);
  },

  // The first line in sight, as the scroll bar has it.
  first() {
    const whole = this.rows.length * this.height;
    const seen = this.body.clientHeight;
    if (whole <= this.tallest) return this.body.scrollTop / this.height;
    const share = this.body.scrollTop / Math.max(1, this.tallest - seen);
    return share * (whole - seen) / this.height;
  },

  scrollTo(first) {
    const whole = this.rows.length * this.height;
    const seen = this.body.clientHeight;
    const share = first * this.height / Math.max(1, whole - seen);
    this.body.scrollTop = whole <= this.tallest ? first * this.height : share * (this.tallest - seen);
  },

  draw() {
    const from = this.first();
    const first = Math.max(0, Math.floor(from) - 4);
    const last = Math.min(this.rows.length, Math.ceil(from + this.body.clientHeight / this.height) + 4);
    const offset = this.body.scrollTop - from * this.height;
    const lines = [];
    for (let at = first; at < last; at++) lines.push(this.line(at, offset));
    if (!this.rows.length) lines.push(element("p", { class: "quiet none" }, "No ending is like that."));
    this.tall.replaceChildren(...lines);
  },

  line(at, offset) {
    const row = this.rows[at];
    const selected = row === this.selected;
    const kind = kinds.of(data.text("how", row));
    return element("div", {
      class: `line ${kind}${selected ? " selected" : ""}${at % 2 ? " odd" : ""}`, role: "row", "data-row": row, id: `row-${row}`,
      "aria-rowindex": at + 2, "aria-selected": `${selected}`,
      style: `top:${at * this.height + offset}px`,
    }, this.columns.map((column, place) => {
      const text = column.show(row);
      return element("div", {
        class: `cell ${column.name}${column.number ? " number" : ""}`, role: "gridcell", "aria-colindex": place + 1, title: text,
      }, text);
    }));
  },

  select(row) {
    this.selected = row;
    this.grid.setAttribute("aria-activedescendant", `row-${row}`);
    this.draw();
    this.chosen(row);
  },

  // Brings a row into sight.
  reveal(row) {
    const at = this.rows.indexOf(row);
    if (at < 0) return;
    const first = this.first();
    const seen = Math.floor(this.body.clientHeight / this.height) - 1;
    if (at < first) this.scrollTo(at);
    else if (at > first + seen) this.scrollTo(at - seen);
    this.draw();
  },

  key(event) {
    if (event.target !== this.grid) return;
    const page = Math.max(1, Math.floor(this.body.clientHeight / this.height) - 1);
    const at = this.rows.indexOf(this.selected);
    const to = {
      ArrowDown: at + 1, ArrowUp: at < 0 ? 0 : at - 1, PageDown: at + page, PageUp: at - page, Home: 0, End: this.rows.length - 1,
    }[event.key];
    if (to === undefined || !this.rows.length) return;
    event.preventDefault();
    const row = this.rows[Math.min(this.rows.length - 1, Math.max(0, to))];
    this.select(row);
    this.reveal(row);
  },
};
