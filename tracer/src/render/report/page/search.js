"use strict";
// Finds rows: every word must be in them, `-word` must not, `field:value` looks at one field.
const search = {
  // What each field of a query looks at.
  fields: {
    cause: (row) => data.text("cause", row),
    how: (row) => data.text("how", row),
    reason: (row) => data.text("reason", row),
    comm: (row) => data.text("comm", row),
    exe: (row) => data.text("exe", row),
    container: (row) => data.text("container", row),
    code: (row) => data.text("code", row),
    id: (row) => data.columns.id[row],
  },
  exact: {
    pid: (row, value) => (value === "-" ? Number.isNaN(data.columns.pid[row]) : data.columns.pid[row] === Number(value)),
    port: (row, value) => [data.columns.local_port[row], data.columns.remote_port[row]].includes(Number(value)),
    local: (row, value) => [data.text("local", row), data.local(row)].includes(value),
    remote: (row, value) => [data.text("remote", row), data.remote(row)].includes(value),
    cause: (row, value) => data.text("cause", row).toLowerCase() === value,
    how: (row, value) => data.text("how", row).toLowerCase() === value,
  },

  // A part of a query: `field:value`, with quotes around what has blanks.
  terms(query) {
    const terms = [];
    for (const [, not, field, quoted, bare] of query.matchAll(/(-?)(?:([a-z]+):)?(?:"([^"]*)"?|(\S+))/g)) {
      const value = (quoted ?? bare).toLowerCase();
      const known = field === undefined || field in this.fields || field in this.exact;
      terms.push(known ? { not: not === "-", field, value } : { not: not === "-", value: `${field}:${value}` });
    }
    return terms;
  },

  // How a value is asked for.
  ask: (field, value) => `${field}:${/[\s"]/.test(value) ? `"${value.replaceAll('"', " ")}"` : value}`,

  // Everything a word is looked for in, built once.
  haystack(row) {
    this.hay ??= new Array(data.rows);
    if (this.hay[row] === undefined) {
      const pid = data.columns.pid[row];
      const parts = [data.columns.id[row], Number.isNaN(pid) ? "" : `${pid}`, data.local(row), data.remote(row)];
      for (const name of ["comm", "exe", "container", "how", "cause", "reason", "code"]) parts.push(data.text(name, row));
      this.hay[row] = parts.join("\n").toLowerCase();
    }
    return this.hay[row];
  },

  matches(row, { not, field, value }) {
    let found;
    if (field === undefined) found = this.haystack(row).includes(value);
    else if (field in this.exact) found = this.exact[field](row, value);
    else found = this.fields[field](row).toLowerCase().includes(value);
    return found !== not;
  },

  // The rows a query finds, in their order.
  rows(query) {
    const terms = this.terms(query);
    const found = [];
    for (let row = 0; row < data.rows; row++) {
      if (terms.every((term) => this.matches(row, term))) found.push(row);
    }
    return Uint32Array.from(found);
  },
};
