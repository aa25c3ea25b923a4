"use strict";
// What happened at both ends of a connection and between them, in the order of time.
const sequence = {
  row: 34,
  // The side of an ending's own end, and of its peer where that is in the report too.
  sides: ["own", "peer"],

  // Everything that happened at one end.
  events(ending, side) {
    const events = [];
    const add = (at, kind, label, more = {}) => events.push({ at, side, kind, label, ...more });
    const acts = ending.acts;
    for (const { from, to, mono_ns } of ending.states) add(mono_ns, "state", `${from} → ${to}`, { from, to });
    const stacks = acts.map((act) => act.stack);
    if (ending.stack) stacks[ending.stack.act] = ending.stack;
    if (ending.close_called) {
      // The stack was taken with the act; it is the call's, if the act came of the call.
      const act = acts.findIndex((it, place) => it.call === "close" && stacks[place]);
      add(ending.close_called.mono_ns, "call", ending.close_called.seen ? "close()" : "close, implied", {
        stack: act >= 0 ? stacks[act] : null, who: act >= 0 ? acts[act].actor : acts.find((it) => it.call)?.actor,
      });
      if (act >= 0) stacks[act] = null;
    }
    if (ending.asked) {
      const { goroutine, tid, user } = ending.asked;
      add(ending.asked.mono_ns, "call", goroutine ? `goroutine ${goroutine} asks for Close` : `thread ${tid} asks for Close`, { stack: { user } });
    }
    acts.forEach((act, place) => add(act.mono_ns, "act", words.plain(act.how), {
      how: act.how, cause: act.cause, seq: act.seq, stack: stacks[place], who: act.actor, reason: act.kernel_reason,
    }));
    if (ending.destroyed_mono_ns !== null && !acts.some((it) => it.how === "destroyed")) add(ending.destroyed_mono_ns, "gone", "socket destroyed");
    return events;
  },

  // The segments between: those this end knows, and what the peer knows besides.
  segments(own, peer) {
    const told = [];
    const known = (it) => told.some((that) => that.from === it.from && that.flags === it.flags && that.seq === it.seq);
    for (const [ending, sent, received] of [[own, "own", "peer"], [peer, "peer", "own"]]) {
      for (const segment of ending?.segments ?? []) {
        const from = segment.direction === "tx" ? sent : received;
        const it = { kind: "segment", side: from, from, at: segment.wire_mono_ns, ...segment };
        if (!known(it)) told.push(it);
      }
    }
    return told.filter((it) => it.at !== null && it.at !== undefined);
  },

  // What a captured segment would show, where none was captured: from the acts alone.
  guessed(events, segments) {
    const arrows = [];
    const seen = (from, rst) => segments.some((it) => it.from === from && it.flags.includes(rst ? "R" : "F"));
    for (const event of events) {
      if (event.kind !== "act" || !/^(fin|rst)_(sent|received)$/.test(event.how)) continue;
      const rst = event.how.startsWith("rst");
      const sent = event.how.endsWith("sent");
      const from = sent ? event.side : this.other(event.side);
      if (seen(from, rst)) continue;
      // What was sent here and received there is one.
      const pair = !sent && events.some((it) => it.kind === "act" && it.side === from && it.how === `${rst ? "rst" : "fin"}_sent`);
      if (!pair) arrows.push({ kind: "segment", side: from, from, at: event.at, flags: rst ? "R" : "F", guessed: true });
    }
    return arrows;
  },

  other: (side) => (side === "own" ? "peer" : "own"),

  // A state that changed with an act is told with it.
  merged(events) {
    const merged = [];
    for (const event of events) {
      const act = event.kind === "state" && merged.find((it) => it.kind === "act" && it.side === event.side && !it.state && Math.abs(it.at - event.at) < 2_000 && it.how !== "destroyed");
      if (act) act.state = event.label;
      else merged.push(event);
    }
    return merged;
  },

  // The drawing, as wide as there is room.
  draw(own, peer, room) {
    const events = [...this.events(own, "own"), ...(peer ? this.events(peer, "peer") : [])];
    events.sort((a, b) => a.at - b.at || (a.kind === "act" ? -1 : 1));
    const segments = this.segments(own, peer);
    for (const { from, counted_from, kernel_ns } of segments) {
      const act = counted_from === "closing" && events.find((it) => it.how === "rst_sent" && it.side === from && it.at === kernel_ns);
      if (act) act.late = true;
    }
    const all = [...this.merged(events), ...segments, ...this.guessed(events, segments)];
    const before = (it) => ({ call: 0, act: 1, state: 2, segment: 3, gone: 4 }[it.kind]);
    all.sort((a, b) => a.at - b.at || before(a) - before(b));
    return this.lines(all, own, peer, Math.max(640, room));
  },

  lines(all, own, peer, width) {
    const gutter = 140;
    const lane = (width - gutter) * 0.35;
    const x = { own: gutter + lane, peer: width - (peer ? lane : 120) };
    const parts = [];
    // Times since the first event, and between two of them the gap.
    parts.push(drawn("text", { class: "when", x: 66, y: 32, "text-anchor": "end" }, "time"), drawn("text", { class: "since", x: gutter - 22, y: 32, "text-anchor": "end" }, "gap"));
    let y = 58, last = null;
    const begin = all.length ? all[0].at : 0;
    for (const it of all) {
      const since = last === null ? 0 : it.at - last;
      if (since > 5e6) {
        parts.push(this.gap(y, since, x));
        y += 26;
      } else if (since > 0) {
        parts.push(drawn("text", { class: "since", x: gutter - 22, y: y - 8, "text-anchor": "end" }, words.span(since)));
      }
      const told = it.kind === "segment" ? this.arrow(it, y, x) : this.event(it, y, x, width, peer ? lane : 120);
      parts.push(drawn("text", { class: "when", x: 66, y: y + 4, "text-anchor": "end" }, it.at === begin ? "0" : `+${words.span(it.at - begin)}`), told.group);
      y += told.height;
      last = it.at;
    }
    const height = y + 14;
    const svg = drawn("svg", { class: "sequence", viewBox: `0 0 ${width} ${height}`, width, height, role: "img",
      "aria-label": `Sequence of ${words.many(all.length, "event")} at ${peer ? "both ends" : "this end"} and between them` });
    svg.append(drawn("defs", {}, ["fin", "rst", "other"].map((kind) => drawn("marker", {
      id: `tip-${kind}`, viewBox: "0 0 10 10", refX: 9, refY: 5, markerWidth: 7, markerHeight: 7, orient: "auto-start-reverse",
    }, drawn("path", { class: `tip ${kind}`, d: "M0 0L10 5L0 10z" })))));
    svg.append(...this.heads(own, peer, x, height), ...parts);
    return svg;
  },

  heads(own, peer, x, height) {
    const name = (it) => (it?.owner ? `${it.owner.comm}[${it.owner.pid}]` : "owner unknown");
    const end = (it) => (it ? words.end(it.addr, it.port) : "");
    const head = (side, title, below) => [
      drawn("line", { class: "life", x1: x[side], x2: x[side], y1: 40, y2: height - 6 }),
      drawn("text", { class: "head", x: x[side], y: 16, "text-anchor": "middle" }, title),
      drawn("text", { class: "when", x: x[side], y: 32, "text-anchor": "middle" }, below),
    ];
    const { local, remote } = own.connection;
    return [...head("own", name(own), end(local)),
      ...head("peer", peer ? name(peer) : remote ? "peer" : "no peer", end(remote))];
  },

  gap: (y, ns, x) => drawn("g", { class: "gap" },
    ...["own", "peer"].map((side) => drawn("line", { class: "pause", x1: x[side], x2: x[side], y1: y - 20, y2: y + 4 })),
    drawn("text", { class: "when", x: (x.own + x.peer) / 2, y: y - 4, "text-anchor": "middle" }, `${words.span(ns)} later`)),

  event(it, y, x, width, lane) {
    const left = it.side === "own";
    const at = left ? x.own - 12 : x.peer + 12;
    const anchor = left ? "end" : "start";
    const group = drawn("g", { class: `event ${it.kind} ${it.how ? kinds.of(it.how) : ""}` });
    group.append(drawn("circle", { cx: x[it.side], cy: y, r: it.kind === "state" ? 3 : 5 }));
    const lines = [[it.label, "label"]];
    const who = it.who && it.who.context === "task" ? `${it.who.comm}[${it.who.pid}]${it.who.goroutine ? ` goroutine ${it.who.goroutine}` : ""}` : null;
    if (it.cause) lines.push([[words.plain(it.cause), it.reason].filter(Boolean).join(", "), "note"]);
    if (who && it.kind === "call") lines.push([who, "note"]);
    if (it.state) lines.push([it.state, "note"]);
    if (it.late) lines.push(["its hook runs when the RST has left", "note"]);
    for (const text of this.calls(it.stack)) lines.push([text, "stack"]);
    lines.forEach(([text, kind], place) => group.append(drawn("text", {
      class: kind, x: at, y: y + 4 + place * 14, "text-anchor": anchor,
    }, this.cut(text, Math.floor((lane - 14) / (kind === "stack" ? 6.4 : 6))))));
    return { group, height: Math.max(this.row - 8, 14 * lines.length + 12) };
  },

  // A text that fits, with all of it to be seen when pointed at.
  cut: (text, room) => (text.length > room ? [`${text.slice(0, room - 1)}…`, drawn("title", {}, text)] : text),

  // The innermost calls of the program.
  calls(stack) {
    const frames = stack?.user ?? [];
    const shown = frames.filter((it) => it.function).slice(0, 6).map((it) => {
      const file = it.file ? ` ${it.file.split("/").pop()}${it.line ? `:${it.line}` : ""}` : "";
      return `${it.function}${file}`;
    });
    return frames.length > shown.length && shown.length ? [...shown, `… ${words.many(frames.length - shown.length, "more call")}`] : shown;
  },

  arrow(it, y, x) {
    const [from, to] = it.from === "own" ? [x.own + 7, x.peer - 7] : [x.peer - 7, x.own + 7];
    const kind = it.flags.includes("R") ? "rst" : it.flags.includes("F") ? "fin" : "other";
    const name = [["R", "RST"], ["F", "FIN"], ["S", "SYN"]].filter(([letter]) => it.flags.includes(letter)).map(([, word]) => word);
    if (it.flags.includes(".")) name.push("ACK");
    const label = name.join("+") + (it.guessed ? "" : ` seq ${it.seq}${it.payload_bytes ? `, ${words.many(it.payload_bytes, "byte")}` : ""}`);
    const notes = [];
    if (it.guessed) notes.push("not captured");
    if (it.kernel_to_wire_ns !== null && it.kernel_to_wire_ns !== undefined) {
      notes.push(`${words.span(Math.abs(it.kernel_to_wire_ns))} ${it.kernel_to_wire_ns < 0 ? "before" : "after"} the kernel's act`);
    }
    if (it.retransmits) notes.push(`sent ${words.many(it.retransmits, "more time")}`);
    // Last, for what has no room is cut: a capture's name may be a long path.
    if (it.device) notes.push(`on ${[...new Set(it.sightings.map((seen) => seen.device).filter(Boolean))].join(", ")}`);
    const middle = (from + to) / 2;
    const room = Math.floor(Math.abs(to - from) / 6);
    const group = drawn("g", { class: `segment ${kind}${it.guessed ? " guessed" : ""}` },
      drawn("line", { x1: from, x2: to, y1: y, y2: y + 8, "marker-end": `url(#tip-${kind})` }),
      drawn("text", { class: "label", x: middle, y: y - 5, "text-anchor": "middle" }, this.cut(label, room)),
      drawn("text", { class: "note", x: middle, y: y + 20, "text-anchor": "middle" }, this.cut(notes.join(", "), room)));
    return { group, height: notes.length ? this.row + 8 : this.row };
  },
};
