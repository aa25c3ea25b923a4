//! Finds how the clock of a capture relates to the hooks' clock, from segments both know.
//!
//! Pure: no file, no clock. A segment is known again by its addresses and its sequence number, so
//! what two unrelated traces have in common by chance is nothing.

mod fit;
mod pair;

use std::{collections::HashMap, net::SocketAddr};

use crate::model::{
    alignment::Fit,
    observation::SegmentFlags,
    segment::{Headers, Seen},
    time::MonoNs,
};

/// Who sent a segment, and to whom.
pub type Ends = (SocketAddr, SocketAddr);

/// What makes a FIN or an RST one and no other of its flow, wherever it is seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sign {
    /// A FIN, by its own sequence number, which stays when data goes with it or not.
    Fin(u32),
    /// An RST, by its sequence number.
    Reset(u32),
    /// An RST without a sequence number of its own, by what it acknowledges.
    Refusal(u32),
}

impl Sign {
    /// What makes this segment one; `None` for what is neither FIN nor RST.
    #[must_use]
    pub fn of(headers: &Headers) -> Option<Self> {
        let flags = headers.flags;
        if flags.has(SegmentFlags::RST) {
            let refuses = headers.seq == 0 && flags.has(SegmentFlags::ACK);
            return Some(if refuses {
                Self::Refusal(headers.ack)
            } else {
                Self::Reset(headers.seq)
            });
        }
        let fin = headers.seq.wrapping_add(headers.payload_bytes);
        flags.has(SegmentFlags::FIN).then_some(Self::Fin(fin))
    }
}

/// A FIN or an RST as the recording knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Who sent it, and to whom.
    pub ends: Ends,
    /// What makes it one.
    pub sign: Sign,
    /// When the kernel acted on it.
    pub at: MonoNs,
    /// What that says of when others saw it.
    pub bound: Bound,
}

/// What the time of an act says of the time at which its segment was captured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Bound {
    /// It was captured later: this machine sent it.
    Later,
    /// It was captured earlier: this machine got it.
    Earlier,
    /// It was captured about then.
    About,
}

impl Bound {
    const ALL: [Self; 3] = [Self::Later, Self::Earlier, Self::About];
}

/// What came of holding a capture against a recording.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// How the clocks relate; `None` when nothing tells, or what tells contradicts itself.
    pub fit: Option<Fit>,
    /// Marks found in the capture that agree with it.
    pub matches: u64,
    /// Marks found in the capture that do not.
    pub outliers: u64,
    /// Flows of the capture whose addresses were translated on the way, by their ends in the
    /// capture: their ends in the recording. Both directions of each.
    pub translated: HashMap<Ends, Ends>,
}

/// Translated segments that must agree where no other does: few enough to be common, and far more
/// than chance makes agree.
const TRANSLATED: usize = 3;

/// Holds a capture against what a recording knows.
///
/// `resolution_ns` is what the capture's times are rounded down to.
#[must_use]
pub fn align(marks: &[Mark], captured: &[Seen], resolution_ns: u64) -> Found {
    let pairs = pair::pairs(marks, captured);
    let Some(fitted) = fit::fit(&pairs, resolution_ns) else {
        return Found {
            outliers: number(pairs.len()),
            ..Found::default()
        };
    };
    let agreeing = || pairs.iter().zip(&fitted.agrees).filter(|it| *it.1);
    let matches = agreeing().count();
    let plain = agreeing().any(|(pair, _)| pair.translated.is_none());
    if !plain && matches < TRANSLATED {
        return Found {
            outliers: number(pairs.len()),
            ..Found::default()
        };
    }
    let mut translated = HashMap::new();
    for (pair, _) in agreeing() {
        if let Some((there, here)) = pair.translated {
            translated.insert(there, here);
            translated.insert((there.1, there.0), (here.1, here.0));
        }
    }
    Found {
        fit: Some(fitted.fit),
        matches: number(matches),
        outliers: number(pairs.len() - matches),
        translated,
    }
}

fn number(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
