//! Recording: a tap on the calls the road gets and on the answers it is given.
//!
//! The road is the same with a recording and without one; what is recorded is what it was called
//! with, so that the same calls tell the same again.

use std::io;

use super::Pipeline;
use crate::{
    decode::without_memory,
    enrich::facts::Facts,
    model::{
        clock::{Sample, Timed},
        foreign::Foreign,
        known::KnownSocket,
        segment::Seen,
        stray::Tuple,
        time::Reached,
    },
    record::{Entry, Header, Medium},
    render::Start,
    tally::{Account, Tally},
};

mod facts;

pub use facts::Noted;

/// Sockets in one entry at most, so that none grows with the machine.
const SOCKETS: usize = 256;

/// A road whose calls are recorded, if they are to be.
pub struct Tapped<F> {
    pipeline: Pipeline<Noted<F>>,
    tape: Option<Tape>,
    failed: Option<io::Error>,
}

/// A recording under way.
struct Tape {
    out: Box<dyn Medium>,
    /// The account last recorded.
    account: Option<Account>,
    /// A later one that differs from it only in its time.
    account_again: Option<Account>,
}

impl<F: Facts> Tapped<F> {
    /// A road that is not recorded.
    #[must_use]
    pub const fn new(pipeline: Pipeline<Noted<F>>) -> Self {
        Self {
            pipeline,
            tape: None,
            failed: None,
        }
    }

    /// Records from here on; nothing may have been taken yet.
    pub fn record(&mut self, out: Box<dyn Medium>, header: Header) {
        self.pipeline.facts().note();
        self.tape = Some(Tape {
            out,
            account: None,
            account_again: None,
        });
        // Whoever reads along, or reads what a crash left, has the header at once.
        self.tape(|tape| {
            tape.out.put(&Entry::Header(Box::new(header)))?;
            tape.out.flush()
        });
    }

    /// What ended the recording before the run, told once.
    pub const fn recording_failed(&mut self) -> Option<io::Error> {
        self.failed.take()
    }

    /// See [`Pipeline::start`]; what it tells is in the header of a recording.
    ///
    /// # Errors
    ///
    /// Those of the output.
    pub fn start(&mut self, start: &Start<'_>) -> io::Result<()> {
        self.pipeline.start(start)
    }

    /// See [`Pipeline::clock`].
    pub fn clock(&mut self, sample: Sample) {
        self.pipeline.clock(&sample);
        self.tape(|tape| tape.out.put(&Entry::Clock(sample)));
    }

    /// See [`Pipeline::know`].
    pub fn know(&mut self, sockets: Vec<KnownSocket>) -> usize {
        let captures = self.pipeline.is_capturing();
        self.tape(|tape| {
            // Of those without a file there may be a million, and only segments can ask for them.
            let held = sockets.iter();
            let held = held.filter(|socket| captures || socket.inode.is_some());
            let held: Vec<_> = held.cloned().collect();
            let mut parts = held.chunks(SOCKETS);
            parts.try_for_each(|part| tape.out.put(&Entry::Known(part.to_vec())))
        });
        self.pipeline.know(sockets)
    }

    /// See [`Pipeline::device`].
    pub fn device(&mut self, netns: Option<u32>, index: u32, name: Foreign) {
        self.tape(|tape| {
            let name = name.clone();
            tape.out.put(&Entry::Device { netns, index, name })
        });
        self.pipeline.device(netns, index, name);
    }

    /// See [`Pipeline::sight`].
    pub fn sight(&mut self, at: Timed, netns: Option<u32>, seen: &Seen) {
        self.pipeline.sight(at, netns, seen);
        self.tape(|tape| {
            let seen = Box::new(*seen);
            tape.out.put(&Entry::Sighted { at, netns, seen })
        });
    }

    /// See [`Pipeline::translated`].
    pub fn translated(&mut self, netns: u32, before: Tuple, after: Tuple) {
        self.pipeline.translated(netns, before, after);
        self.tape(|tape| {
            tape.out.put(&Entry::Translated {
                netns,
                before,
                after,
            })
        });
    }

    /// See [`Pipeline::take`].
    pub fn take(&mut self, record: &[u8]) {
        self.pipeline.take(record);
        self.recorded(|tape| tape.out.put(&Entry::Record(&without_memory(record))));
    }

    /// See [`Pipeline::turn`].
    ///
    /// # Errors
    ///
    /// Those of the output.
    pub fn turn(&mut self, reached: Reached) -> io::Result<bool> {
        let idle = self.tape.is_some() && self.pipeline.idle(reached);
        let turned = self.pipeline.turn(reached);
        if !idle {
            self.recorded(|tape| tape.out.put(&Entry::Turn(reached)));
        }
        turned
    }

    /// See [`Pipeline::account`]; what was recorded until now is on its way then.
    ///
    /// # Errors
    ///
    /// Those of the output.
    pub fn account(&mut self, account: Account) -> io::Result<()> {
        let told = self.pipeline.account(account);
        self.tape(|tape| {
            let same = |before: Account| Account {
                at: account.at,
                ..before
            };
            if tape.account.map(same) == Some(account) {
                tape.account_again = Some(account);
            } else {
                tape.account = Some(account);
                tape.account_again = None;
                tape.out.put(&Entry::Account(Box::new(account)))?;
            }
            tape.out.flush()
        });
        told
    }

    /// See [`Pipeline::finish`]; `how` is the word for why the run ended.
    ///
    /// # Errors
    ///
    /// Those of the output.
    pub fn finish(&mut self, summary: bool, how: &str) -> io::Result<Tally> {
        self.tape(|tape| match tape.account_again.take() {
            Some(account) => tape.out.put(&Entry::Account(Box::new(account))),
            None => Ok(()),
        });
        let finished = self.pipeline.finish(summary);
        let how = how.to_owned();
        self.recorded(|tape| tape.out.put(&Entry::End { how }));
        if let Some(tape) = self.tape.take()
            && let Err(error) = tape.out.finish()
        {
            self.failed = Some(error);
        }
        finished
    }

    /// See [`Pipeline::sockets`].
    #[must_use]
    pub fn sockets(&self) -> usize {
        self.pipeline.sockets()
    }

    /// Records a call, and before it what the world answered meanwhile.
    fn recorded(&mut self, call: impl FnOnce(&mut Tape) -> io::Result<()>) {
        if self.tape.is_none() {
            return;
        }
        let answers = self.pipeline.facts().answers();
        self.tape(|tape| {
            for answer in answers {
                tape.out.put(&Entry::Answer(answer))?;
            }
            call(tape)
        });
    }

    /// Writes, if there is a recording; the first failure ends it and not the run.
    fn tape(&mut self, write: impl FnOnce(&mut Tape) -> io::Result<()>) {
        let Some(tape) = &mut self.tape else { return };
        let Err(error) = write(tape) else { return };
        let tape = self.tape.take();
        self.pipeline.facts().note_no_more();
        if error.kind() == io::ErrorKind::InvalidData {
            // The file is sound, an entry was not; what was gathered may leave.
            let _ = tape.map(|tape| tape.out.finish());
        }
        self.failed = Some(error);
    }
}
