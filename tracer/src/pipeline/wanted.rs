//! Which endings are told.

use crate::model::ending::{Ending, How};

/// Which endings are told, of those the kernel half lets through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Endings without any RST.
    pub fin: bool,
    /// Endings with an RST, sent or received.
    pub rst: bool,
}

impl Wanted {
    pub(super) fn admits(self, ending: &Ending) -> bool {
        match ending.decisive().map(|act| act.how) {
            Some(How::RstSent | How::RstReceived) => self.rst,
            Some(How::FinSent | How::FinReceived) => self.fin,
            Some(How::Timeout | How::Destroyed | How::HeldOpen) => self.fin && self.rst,
            None => false,
        }
    }
}
