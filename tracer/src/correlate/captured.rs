//! What captures see comes in.

use super::Correlator;
use crate::model::{
    clock::Timed,
    segment::{Passed, Seen},
    stray::Tuple,
    time::MonoNs,
};

impl Correlator {
    /// Sets [`Limits::reach_ns`](super::Limits::reach_ns).
    pub const fn reach(&mut self, ns: u64) {
        self.limits.reach_ns = ns;
    }

    /// Takes in a segment that a capture in a namespace saw, by the hooks' clock.
    pub fn sight(&mut self, at: Timed, netns: Option<u32>, seen: &Seen) {
        self.reset_came(at.at, netns, seen);
        self.wire.seen(at, netns, None, seen);
    }

    /// Takes in a segment that a hook saw.
    pub(super) fn passed(&mut self, at: MonoNs, passed: &Passed) {
        let netns = passed.flow.netns;
        let time = Timed {
            at,
            error_ns: Some(0),
        };
        let seen = passed.seen();
        self.reset_came(at, netns, &seen);
        self.wire.seen(time, netns, passed.cookie, &seen);
    }

    /// A namespace translates one tuple to another, by what its connection tracking says.
    pub fn translated(&mut self, netns: u32, before: Tuple, after: Tuple) {
        self.wire.translated.learn(netns, before, after);
    }
}
