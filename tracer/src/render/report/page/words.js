"use strict";
// How values are shown, and elements made: text goes in as text, never as markup.
const words = {
  // A duration as people say it, three digits of it; cut like finrst's own.
  span(ns) {
    const digits = (value, unit) => {
      const places = value < 10 ? 2 : value < 100 ? 1 : 0;
      const cut = Math.floor(value * 10 ** places + 1e-9) / 10 ** places;
      return cut.toFixed(places) + unit;
    };
    if (ns < 1e3) return Math.round(ns) + " ns";
    if (ns < 1e6) return digits(ns / 1e3, " µs");
    if (ns < 1e9) return digits(ns / 1e6, " ms");
    if (ns < 60e9) return digits(ns / 1e9, " s");
    const seconds = Math.floor(ns / 1e9), two = (it) => String(it).padStart(2, "0");
    if (seconds < 3600) return `${Math.floor(seconds / 60)}m${two(seconds % 60)}s`;
    return `${Math.floor(seconds / 3600)}h${two(Math.floor(seconds / 60) % 60)}m`;
  },
  // Round durations, for scales.
  unit: (ns) => words.span(ns).replace(/\.0+ /, " "),
  count: (number) => number.toLocaleString("en"),
  percent: (part, whole) => (whole ? (100 * part / whole).toFixed(1) : "0.0") + " %",
  many: (number, noun) => `${words.count(number)} ${noun}${number === 1 ? "" : "s"}`,
  // Microseconds since 1970, in UTC.
  time(us) {
    const ms = Math.floor(us / 1e3), rest = us - ms * 1e3;
    return new Date(ms).toISOString().slice(11, 23) + String(rest).padStart(3, "0");
  },
  date: (us) => new Date(us / 1e3).toISOString().slice(0, 19).replace("T", " "),
  end: (address, port) => (address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`),
  // `fin_wait2` as it is read.
  plain: (code) => code.replaceAll("_", " "),
  bytes: (count) => (count === null ? "unknown" : words.count(count)),
};

// An element with attributes and children; a string is text.
function element(name, attributes = {}, ...children) {
  return fill(document.createElement(name), attributes, children);
}

// Likewise of a drawing.
function drawn(name, attributes = {}, ...children) {
  return fill(document.createElementNS("http://www.w3.org/2000/svg", name), attributes, children);
}

function fill(it, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "on") for (const [event, does] of Object.entries(value)) it.addEventListener(event, does);
    else it.setAttribute(name, value === true ? "" : value);
  }
  it.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== ""));
  return it;
}

// What a piece of the page is.
const kinds = {
  // The colour class of what ended a connection.
  of(how) {
    if (how === "rst_sent" || how === "rst_received") return "rst";
    if (how === "fin_sent" || how === "fin_received") return "fin";
    return "other";
  },
};
