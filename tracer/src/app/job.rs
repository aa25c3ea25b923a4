//! What is to be done with a live kernel: told, recorded, or both.

use std::ffi::OsString;

use super::{record::Destination, select, view::View};
use crate::{
    cli::{Catch, Kernel, Select, Stack, Stopping, Wire, Wiring},
    pipeline::Wanted,
    record::Settings,
};

/// How long after the kernel's act a segment may be on its way to a device.
///
/// How late the capture is read does not matter: endings wait until it was read that far.
const ANSWER_NS: u64 = 50_000_000;

/// What is to be traced, told and recorded.
pub(super) struct Job<'a> {
    pub(super) select: &'a Select,
    pub(super) stopping: &'a Stopping,
    pub(super) kernel: &'a Kernel,
    pub(super) wiring: &'a Wiring,
    pub(super) command: &'a [OsString],
    pub(super) quiet: bool,
    /// Whether records are wanted that only tell of processes.
    pub(super) every_record: bool,
    /// Of what stacks are taken.
    pub(super) stack: Option<Stack>,
    /// Whether programs of Go are asked who calls Close.
    pub(super) go_callers: bool,
    /// How it is told; `None` when it is only recorded.
    pub(super) view: Option<View>,
    /// Where it is recorded.
    pub(super) file: Option<Destination>,
    /// What is waited for, if only that is to be saved.
    pub(super) catch: Option<&'a Catch>,
}

impl Job<'_> {
    /// What the road is set to; `answers` says whether hooks see every RST that answers a segment.
    pub(super) fn settings(&self, answers: bool) -> Settings {
        let Wanted { fin, rst, .. } = select::wanted(&self.select.kinds);
        let settle_ns = self.stopping.settle.as_nanos();
        Settings {
            fin,
            rst,
            count: self.stopping.count,
            settle_ns: u64::try_from(settle_ns).unwrap_or(u64::MAX),
            sockets: self.stopping.sockets,
            answer_ns: match self.wiring.wire {
                Wire::Off => 0,
                Wire::Afpacket | Wire::Xmit | Wire::Tcx => ANSWER_NS,
            },
            causes: select::causes(&self.select.causes),
            everything: self.select.is_everything() && self.command.is_empty(),
            every_reset: answers
                && self.select.is_all_of_namespaces()
                && self.command.is_empty()
                && self.wiring.interfaces.is_empty(),
        }
    }

    /// Whether it begins with the start of the run and ends with its account.
    pub(super) fn is_framed(&self) -> bool {
        self.catch.is_some() || self.view.as_ref().is_some_and(View::is_framed)
    }
}
