//! Tells a recording: its entries become the calls they were, on the same road.
//!
//! Nothing is asked of the machine it is told on.

use std::{
    collections::VecDeque,
    io::{self, Read},
};

use tracer_common::CONTRACT;

use crate::{
    model::{clock::Timed, segment::Seen, time::MonoNs},
    pipeline::Pipeline,
    record::{Entry, Header, ReadError, Reader, Stop},
    render::{Point, Start},
    tally::Tally,
};

mod facts;
#[cfg(test)]
mod tests;

pub use facts::Recorded;

/// A recording this build cannot tell.
#[derive(Debug, thiserror::Error)]
pub enum Unfit {
    /// The file cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// It stops before it has begun.
    #[error("the recording is cut at byte {offset}, before it says what it is of")]
    NoHeader {
        /// Bytes of the file that were taken in.
        offset: u64,
    },
    /// Its records have another layout.
    #[error(
        "the recording has records of contract {found} by finrst {finrst}, and this finrst reads contract {CONTRACT}"
    )]
    Contract {
        /// The contract.
        found: u32,
        /// The version that wrote it.
        finrst: String,
    },
    /// Its records are of a machine that orders bytes otherwise.
    #[error("the recording is of a {found}-endian machine, and this one is not")]
    ByteOrder {
        /// The order.
        found: String,
    },
}

/// Why a recording was not told to its end.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// It cannot be read on.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// What was told cannot be written.
    #[error(transparent)]
    Output(#[from] io::Error),
}

/// The order of bytes within records here.
pub const BYTE_ORDER: &str = if cfg!(target_endian = "big") {
    "big"
} else {
    "little"
};

/// How long before its time a segment of a capture file goes down the road, in nanoseconds: before
/// an ending it belongs to is told.
const AHEAD_NS: u64 = 1_000_000_000;

/// A recording whose header was read.
pub struct Recording<R: Read> {
    /// What it is of.
    pub header: Header,
    reader: Reader<R>,
    beside: VecDeque<Beside>,
    /// See [`Pipeline::reach`].
    reach_ns: u64,
}

/// A segment of a capture file, to be told beside a recording.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Beside {
    /// When it was captured, by the hooks' clock.
    pub time: Timed,
    /// The network namespace its connection is in.
    pub netns: Option<u32>,
    /// What and where.
    pub seen: Seen,
}

/// How the telling ended.
#[derive(Debug)]
pub struct Told {
    /// The account of the run, as far as it was recorded.
    pub tally: Tally,
    /// Where the recording stops, or what made it unreadable there.
    pub stop: Result<Stop, ReadError>,
    /// Entries this build does not know.
    pub skipped: u64,
}

impl<R: Read> Recording<R> {
    /// Begins to read.
    ///
    /// # Errors
    ///
    /// [`Unfit`]: nothing was told.
    pub fn open(file: R) -> Result<Self, Unfit> {
        let mut reader = Reader::new(file)?;
        let Some(Entry::Header(header)) = reader.entry()? else {
            let offset = reader.offset();
            return Err(Unfit::NoHeader { offset });
        };
        let header = header.tamed();
        if header.contract != CONTRACT {
            return Err(Unfit::Contract {
                found: header.contract,
                finrst: header.finrst,
            });
        }
        if header.byte_order != BYTE_ORDER {
            return Err(Unfit::ByteOrder {
                found: header.byte_order,
            });
        }
        Ok(Self {
            header,
            reader,
            beside: VecDeque::new(),
            reach_ns: 0,
        })
    }

    /// Segments to be told beside it, each at its time, which may be as far from the kernel's as
    /// `reach_ns`.
    pub fn beside(&mut self, mut segments: Vec<Beside>, reach_ns: u64) {
        segments.sort_by_key(|it| it.time.at);
        self.beside = segments.into();
        self.reach_ns = reach_ns;
    }

    /// Tells how the run was set up.
    ///
    /// # Errors
    ///
    /// Those of the output.
    pub fn start(&self, pipeline: &mut Pipeline<Recorded>) -> io::Result<()> {
        let header = &self.header;
        let points: Vec<_> = header
            .points
            .iter()
            .map(|point| Point {
                name: &point.name,
                way: point.way.as_deref(),
            })
            .collect();
        pipeline.start(&Start {
            at: MonoNs(header.at_ns),
            version: &header.finrst,
            kernel: header.kernel.as_deref(),
            machine: &header.machine,
            transport: header.transport.as_deref(),
            points: &points,
        })
    }

    /// Tells everything there is, of a cut recording what comes before the cut; `progress` hears
    /// now and then how many bytes were read.
    ///
    /// # Errors
    ///
    /// Those of the output.
    pub fn tell(
        mut self,
        pipeline: &mut Pipeline<Recorded>,
        summary: bool,
        progress: &mut dyn FnMut(u64),
    ) -> io::Result<Told> {
        pipeline.reach(self.reach_ns);
        let stop = loop {
            match self.step(pipeline, progress) {
                Ok(true) => {}
                Ok(false) => {
                    let offset = self.reader.offset();
                    break Ok(self.reader.stop().unwrap_or(Stop::Cut { offset }));
                }
                Err(ReplayError::Read(error)) => break Err(error),
                Err(ReplayError::Output(error)) => return Err(error),
            }
        };
        sight(&mut self.beside, pipeline, MonoNs(u64::MAX));
        Ok(Told {
            tally: pipeline.finish(summary)?,
            stop,
            skipped: self.reader.skipped(),
        })
    }

    /// Makes the next call; false where there is none.
    fn step(
        &mut self,
        pipeline: &mut Pipeline<Recorded>,
        progress: &mut dyn FnMut(u64),
    ) -> Result<bool, ReplayError> {
        let Some(entry) = self.reader.entry()? else {
            return Ok(false);
        };
        match entry {
            Entry::Record(record) => pipeline.take(record),
            Entry::Turn(reached) => {
                let until = reached.settled().after(AHEAD_NS).after(self.reach_ns);
                sight(&mut self.beside, pipeline, until);
                pipeline.turn(reached)?;
                pipeline.facts().forget_looks();
                progress(self.reader.offset());
            }
            Entry::Answer(answer) => pipeline.facts().learn(answer),
            Entry::Clock(sample) => pipeline.clock(&sample),
            Entry::Sighted { at, netns, seen } => pipeline.sight(at, netns, &seen),
            Entry::Device { netns, index, name } => pipeline.device(netns, index, name),
            Entry::Translated {
                netns,
                before,
                after,
            } => pipeline.translated(netns, before, after),
            Entry::Known(sockets) => drop(pipeline.know(sockets)),
            Entry::Account(account) => pipeline.account(*account)?,
            // Only the end of the file tells whether it is whole.
            Entry::End { .. } | Entry::Header(_) => {}
        }
        Ok(true)
    }
}

/// Hands over the segments of captures up to a time.
fn sight(beside: &mut VecDeque<Beside>, pipeline: &mut Pipeline<Recorded>, until: MonoNs) {
    while let Some(Beside { time, netns, seen }) = beside.pop_front_if(|it| it.time.at <= until) {
        pipeline.sight(time, netns, &seen);
    }
}
