"use strict";
// The data of the page: unpacked from the parts it is carried in.
const data = {
  whole: null,
  rows: 0,
  // Columns of all rows; strings are places in `strings`.
  columns: {},
  strings: [""],
  // Rows of each part with details.
  partRows: 256,
  parts: new Map(),
  details: [],

  // Reads everything but the details.
  async open() {
    const parts = [...document.querySelectorAll("script[data-part]")];
    const of = (kind) => parts.filter((it) => it.dataset.part === kind);
    if (!of("whole").length) throw new Error("The page stops in the middle: whoever wrote it was stopped.");
    this.details = of("details");
    const [whole, ...blocks] = await Promise.all([...of("whole"), ...of("rows")].map(unpack));
    this.whole = whole;
    this.rows = blocks.reduce((sum, block) => sum + block.at_us.length, 0);
    this.join(blocks);
  },

  // Makes one column of those of all blocks.
  join(blocks) {
    const places = new Map([["", 0]]);
    const numbers = ["at_us", "close_ns", "pid", "local_port", "remote_port"];
    const texts = ["comm", "exe", "container", "local", "remote", "how", "cause", "reason", "code"];
    const columns = this.columns;
    for (const name of numbers) columns[name] = new Float64Array(this.rows);
    for (const name of texts) columns[name] = new Uint32Array(this.rows);
    columns.id = [];
    let row = 0;
    for (const block of blocks) {
      const place = block.strings.map((text) => {
        if (!places.has(text)) {
          places.set(text, this.strings.length);
          this.strings.push(text);
        }
        return places.get(text);
      });
      for (const name of numbers) {
        const column = columns[name];
        // What is not known is not a number.
        block[name].forEach((value, at) => { column[row + at] = value === null ? NaN : value; });
      }
      block.at_us.forEach((value, at) => { columns.at_us[row + at] = value + block.from_us; });
      for (const name of texts) {
        const column = columns[name];
        block[name].forEach((value, at) => { column[row + at] = place[value]; });
      }
      for (const id of block.id) columns.id.push(id);
      row += block.at_us.length;
    }
  },

  text(name, row) {
    return this.strings[this.columns[name][row]];
  },

  local: (row) => words.end(data.text("local", row), data.columns.local_port[row]),
  remote: (row) => words.end(data.text("remote", row), data.columns.remote_port[row]),

  // The row of a connection by its name; -1 where the report has none.
  rowOf(id) {
    if (!this.byId) {
      this.byId = new Map();
      // The first of several with a name is the connection, later ones are what came after.
      for (let row = this.rows - 1; row >= 0; row--) this.byId.set(this.columns.id[row], row);
    }
    return this.byId.get(id) ?? -1;
  },

  // All there is about an ending.
  async detail(row) {
    const part = Math.floor(row / this.partRows);
    if (!this.parts.has(part)) {
      if (this.parts.size >= 16) this.parts.delete(this.parts.keys().next().value);
      this.parts.set(part, unpack(this.details[part]));
    }
    return (await this.parts.get(part))[row % this.partRows];
  },
};

async function unpack(part) {
  const text = atob(part.textContent);
  const bytes = new Uint8Array(text.length);
  for (let at = 0; at < text.length; at++) bytes[at] = text.charCodeAt(at);
  const plain = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return JSON.parse(await new Response(plain).text());
}
