"use strict";
// Everything about the selected ending.
const details = {
  async show(row) {
    this.row = row;
    const into = document.getElementById("details");
    const ending = await data.detail(row);
    const peer = await this.peer(ending, row);
    // Another one may have been selected meanwhile.
    if (this.row !== row) return;
    this.shown = [ending, peer];
    const sides = element("div", { class: "sides" }, element("div", { class: "drawing" }),
      element("div", {}, this.facts(ending), this.stacks(ending), this.raw(ending)));
    into.replaceChildren(this.head(ending), sides);
    this.redraw();
    history.replaceState(null, "", `#${encodeURIComponent(ending.connection.id)}`);
  },

  // The other end, if the report has it.
  async peer(ending, row) {
    const id = ending.connection.peer_id;
    const found = id === null ? -1 : data.rowOf(id);
    return found < 0 || found === row ? null : data.detail(found);
  },

  // Draws again what depends on the room.
  redraw() {
    const into = document.querySelector("#details .drawing");
    if (into) into.replaceChildren(sequence.draw(...this.shown, into.clientWidth));
  },

  head(ending) {
    const kind = kinds.of(ending.how ?? "");
    const { local, remote, peer_id, after } = ending.connection;
    const end = (it) => (it ? words.end(it.addr, it.port) : "nobody");
    const link = (id, text) => {
      const row = id === null ? -1 : data.rowOf(id);
      return row < 0 ? null : element("button", { type: "button", class: "link", on: { click: () => { table.select(row); table.reveal(row); } } }, text);
    };
    return element("header", {},
      element("p", { class: "badges" }, element("span", { class: `badge ${kind}` }, words.plain(ending.how ?? "unknown")),
        element("span", { class: "badge" }, ending.cause ?? "unknown"), element("span", { class: "quiet" }, ` ${ending.confidence ?? ""}`)),
      element("h3", {}, `${end(local)} → ${end(remote)}`),
      element("p", { class: "said" }, ending.explanation),
      ending.advice ? element("p", { class: "advice" }, ending.advice) : "",
      element("p", { class: "quiet" }, link(peer_id, "Go to the other end"), " ", link(after, "Go to what came before")));
  },

  facts(ending) {
    const { owner, connection, bytes, phases_ns: phases } = ending;
    const facts = [
      ["When", `${ending.time.replace("T", " ").replace("Z", "")} UTC`],
      ["Owner", owner ? `${owner.comm}[${owner.pid}], ${owner.confidence}, ${owner.from}` : "nobody known"],
      ["Program", owner?.exe], ["Command", owner?.cmdline?.join(" ")],
      ["Container", owner?.container && [owner.container_runtime, owner.container].filter(Boolean).join(" ")], ["Pod", owner?.pod],
      ["Actor", ending.actor?.pid ? `${ending.actor.comm}[${ending.actor.pid}]` : ending.actor?.context],
      ["Goroutine", ending.actor?.goroutine],
      ["Held by", ending.holders?.map((it) => `${it.comm}[${it.pid}]${it.fd === null ? "" : `:${it.fd}`}`).join(" ")],
      ["Ended first by", ending.initiator && `${ending.initiator} (${words.plain(ending.initiator_proof)})`],
      ["Kernel's reason", ending.kernel_reason],
      ["Bytes", bytes.sent === null && bytes.received === null ? null : `${words.bytes(bytes.sent)} sent, ${words.bytes(bytes.received)} received`],
      ["Left", bytes.unread || bytes.unsent ? `${words.bytes(bytes.unread)} unread, ${words.bytes(bytes.unsent)} unsent` : null],
      ["Round trip", ending.rtt_us ? words.span(ending.rtt_us * 1e3) : null],
      ["Namespace", connection.netns_name ?? connection.netns],
      ["Seen by", ending.via], ["Connection", connection.id],
    ];
    for (const [phase, ns] of Object.entries(phases)) if (ns !== null) facts.push([words.plain(phase), words.span(ns)]);
    facts.push(["Evidence", ending.evidence.join(", ")]);
    const known = facts.filter(([, value]) => value !== null && value !== undefined && value !== "");
    return element("dl", { class: "facts" }, known.map(([name, value]) => element("div", { class: `${value}`.length > 34 ? "long" : null }, element("dt", {}, name), element("dd", {}, `${value}`))));
  },

  stacks(ending) {
    const taken = [ending.stack, ...ending.acts.map((act) => act.stack)].filter(Boolean);
    // Who asked for the close has a stack of its own, of the program alone.
    if (ending.asked?.user) taken.unshift({ user: ending.asked.user, kernel_absent: "not_asked", truncated: ending.asked.truncated });
    return element("div", {}, taken.map((stack) => element("details", { class: "stack" },
      element("summary", {}, `Stack of ${stack.act === undefined ? "who asked for the close" : words.plain(ending.acts[stack.act].how)}`),
      ...[["Program", stack.user, stack.user_absent], ["Kernel", stack.kernel, stack.kernel_absent]].map(([name, frames, absent]) => element("div", {},
        element("h4", {}, name), frames ? element("ol", {}, frames.map((frame) => this.frame(frame)))
          : element("p", { class: "quiet" }, `none: ${words.plain(absent ?? "unknown")}`))),
      stack.truncated ? element("p", { class: "quiet" }, "Further frames are missing.") : "")));
  },

  frame(frame) {
    const place = frame.file ? ` ${frame.file}${frame.line ? `:${frame.line}` : ""}` : "";
    const name = frame.function ?? `0x${frame.address}`;
    return element("li", {}, element("code", {}, name), element("span", { class: "quiet" }, `${place}${frame.inlined ? " (inlined)" : ""}${frame.module ? ` ${frame.module}` : ""}`));
  },

  raw(ending) {
    const text = () => JSON.stringify(ending, null, 1);
    const shown = element("details", { class: "raw" }, element("summary", {}, "As JSON"));
    shown.addEventListener("toggle", () => {
      if (shown.open && shown.children.length === 1) shown.append(element("pre", { tabindex: 0 }, text()));
    });
    return shown;
  },
};
