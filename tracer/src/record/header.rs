//! What a run was: the first entry of a recording.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::model::foreign::Foreign;

/// The run, the kernel it watched, and how it was asked to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// Version of the finrst that wrote it.
    pub finrst: String,
    /// Version of the records' layout, `tracer_common::CONTRACT`.
    pub contract: u32,
    /// `little` or `big`: the order of bytes within records, the traced machine's own.
    pub byte_order: String,
    /// The traced machine's architecture, as Rust calls it.
    pub machine: String,
    /// Release of the traced kernel; `None` when it could not be read.
    pub kernel: Option<String>,
    /// The boot the hooks' time counts from; `None` when it could not be read.
    pub boot_id: Option<String>,
    /// When the hooks were attached, nanoseconds of `CLOCK_MONOTONIC`.
    pub at_ns: u64,
    /// Nanoseconds from the hooks' time to the wall's at the start.
    pub clock_offset_ns: i128,
    /// How records travelled, `perf` or `ringbuf`.
    pub transport: Option<String>,
    /// Every point that was wanted and the way it was hooked.
    pub points: Vec<Point>,
    /// Names of the kernel's reset reasons by number; empty where it has none.
    pub reasons: BTreeMap<u32, String>,
    /// Offsets of the kernel's fields in bytes, as `structure.member`; those it lacks are absent.
    pub offsets: BTreeMap<String, u16>,
    /// What the road was set to.
    pub settings: Settings,
    /// The command line as it was typed, what is no UTF-8 replaced.
    pub command_line: Vec<String>,
}

impl Header {
    /// The same with all its text fit to be shown: a recording may be anybody's.
    #[must_use]
    pub fn tamed(mut self) -> Self {
        let names = [&mut self.finrst, &mut self.byte_order, &mut self.machine];
        let known = [&mut self.kernel, &mut self.boot_id, &mut self.transport];
        let points = self.points.iter_mut();
        let points = points.flat_map(|it| [&mut it.name].into_iter().chain(&mut it.way));
        let texts = names.into_iter().chain(known.into_iter().flatten());
        let texts = texts.chain(points).chain(self.reasons.values_mut());
        for text in texts.chain(&mut self.command_line) {
            *text = Foreign::from(text.as_bytes()).to_string();
        }
        self
    }
}

/// One point in the kernel and how it was reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Point {
    /// The point, as `finrst check` calls it.
    pub name: String,
    /// The way that attached; `None` when none did.
    pub way: Option<String>,
}

/// Settings of the user half that decide which endings there are, and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a setting of its own, and an entry of the file"
)]
pub struct Settings {
    /// Whether endings without an RST were told.
    pub fin: bool,
    /// Whether endings with an RST were told.
    pub rst: bool,
    /// How many endings were told at most; `None` is all.
    pub count: Option<u64>,
    /// Nanoseconds a closed socket had to be quiet before its ending was told.
    pub settle_ns: u64,
    /// Sockets remembered at once.
    pub sockets: usize,
    /// Nanoseconds an answer for nobody waited for its segment; zero without a capture.
    #[serde(default)]
    pub answer_ns: u64,
    /// Whether every connection was asked for, so that a segment no ending told of means something.
    #[serde(default)]
    pub everything: bool,
    /// Whether hooks saw every RST that TCP sent in the network namespaces traced, and captures every
    /// device there.
    #[serde(default)]
    pub every_reset: bool,
    /// Codes of the causes that were told alone; all when there is none.
    #[serde(default)]
    pub causes: Vec<String>,
}
