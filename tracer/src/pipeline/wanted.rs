//! Which endings are told.

use crate::model::{
    cause::Cause,
    ending::{Ending, How},
};

/// Which endings are told, of those the kernel half lets through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Endings without any RST.
    pub fin: bool,
    /// Endings with an RST, sent or received.
    pub rst: bool,
    /// Endings told by one of these causes; all when there is none.
    pub causes: Vec<Cause>,
}

impl Wanted {
    /// Whether a diagnosed ending is told.
    #[must_use]
    pub fn admits(&self, ending: &Ending) -> bool {
        let act = ending.decisive();
        if !self.causes.is_empty() && !act.is_some_and(|act| self.causes.contains(&act.cause)) {
            return false;
        }
        match act.map(|act| act.how) {
            Some(How::RstSent | How::RstReceived) => self.rst,
            Some(How::FinSent | How::FinReceived) => self.fin,
            Some(How::Timeout | How::Destroyed | How::HeldOpen) => self.fin && self.rst,
            None => false,
        }
    }
}
