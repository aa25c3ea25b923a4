//! The way the facts of an ending were obtained.

use super::Start;
use crate::model::ending::{Act, How};

/// The way each point that acts rest on is hooked; nothing is known before the start.
#[derive(Default)]
pub(super) struct Via {
    points: Vec<(String, Option<String>)>,
}

impl Via {
    pub(super) fn new(start: &Start<'_>) -> Self {
        let own = |word: &str| word.to_owned();
        Self {
            points: start
                .points
                .iter()
                .map(|one| (own(one.name), one.way.map(own)))
                .collect(),
        }
    }

    /// The way behind an act; `None` before the start.
    ///
    /// Where a function is not hooked, the state change stands for it.
    pub(super) fn of(&self, act: &Act) -> Option<&str> {
        let point = match act.how {
            How::FinSent => "fin_queued",
            How::RstSent if act.provoked_by.is_some() => "rst_answered",
            How::RstSent => "rst_sent",
            How::RstReceived => "rst_received",
            How::Destroyed => "destroyed",
            How::HeldOpen => "held_open",
            How::FinReceived | How::Timeout => "state_changed",
        };
        self.way(point).or_else(|| self.way("state_changed"))
    }

    fn way(&self, point: &str) -> Option<&str> {
        self.points
            .iter()
            .find(|(name, _)| name == point)?
            .1
            .as_deref()
    }
}
