//! What looks at every ending, and keeps those that are waited for.

use std::{
    io::{self, Write},
    sync::{Arc, Mutex},
};

use super::lock;
use crate::{
    model::{cause::Cause, clock::Sample, reason::ReasonNames},
    pipeline::Wanted,
    render::{Explained, Format, Options, Render, Start, time::WallClock},
};

/// An ending that was waited for.
pub(super) struct Caught {
    /// As a line of JSON.
    pub(super) json: Vec<u8>,
    /// As text, explained, with its stacks.
    pub(super) text: Vec<u8>,
    /// As text, explained, without them.
    pub(super) brief: Vec<u8>,
    /// Why it ended; `None` where nothing decided it.
    pub(super) cause: Option<Cause>,
}

/// What was seen so far.
#[derive(Default)]
pub(super) struct Seen {
    /// Endings, whatever they are.
    pub(super) endings: u64,
    /// Those that were waited for, until they are taken.
    pub(super) caught: Vec<Caught>,
}

/// The view of a run that waits for endings.
pub(super) struct Trap {
    wanted: Wanted,
    /// How many more are waited for.
    left: u64,
    json: Box<dyn Render>,
    text: Box<dyn Render>,
    brief: Box<dyn Render>,
    /// What comes above lines of text.
    heading: Vec<u8>,
    seen: Arc<Mutex<Seen>>,
}

impl Trap {
    pub(super) fn new(
        wanted: Wanted,
        left: u64,
        seen: Arc<Mutex<Seen>>,
        reasons: ReasonNames,
        clock: WallClock,
    ) -> Self {
        let options = Options {
            clock,
            reasons,
            colour: false,
            explain: true,
            stacks: true,
        };
        Self {
            wanted,
            left,
            json: Format::Json.renderer(options.clone()),
            text: Format::Text.renderer(options.clone()),
            brief: Format::Text.renderer(Options {
                stacks: false,
                ..options
            }),
            heading: Vec::new(),
            seen,
        }
    }
}

impl Render for Trap {
    fn clock(&mut self, sample: &Sample) {
        self.json.clock(sample);
        self.text.clock(sample);
        self.brief.clock(sample);
    }

    fn start(&mut self, start: &Start<'_>, _out: &mut dyn Write) -> io::Result<()> {
        self.json.start(start, &mut io::sink())?;
        self.text.start(start, &mut self.heading)
    }

    fn ending(&mut self, explained: &Explained<'_>, _out: &mut dyn Write) -> io::Result<()> {
        lock(&self.seen).endings += 1;
        if self.left == 0 || !self.wanted.admits(explained.ending) {
            return Ok(());
        }
        self.left -= 1;
        let (mut json, mut text) = (Vec::new(), self.heading.clone());
        let mut brief = text.clone();
        self.json.ending(explained, &mut json)?;
        self.text.ending(explained, &mut text)?;
        self.brief.ending(explained, &mut brief)?;
        lock(&self.seen).caught.push(Caught {
            json,
            text,
            brief,
            cause: explained.ending.decisive().map(|act| act.cause),
        });
        Ok(())
    }
}
