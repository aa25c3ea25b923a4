//! Turns endings, events and counters into lines; one file per format.
//!
//! Reads no clock and knows no terminal: how times map and whether to colour are arguments.

use std::io::{self, Write};

use crate::{
    model::{
        alignment::Alignment, clock::Sample, ending::Ending, explained::Explanation,
        foreign::Foreign, identity::ProcessFacts, observation::Observation, reason::ReasonNames,
        stack::Stack, stray::Stray, time::MonoNs,
    },
    tally::{Lost, Tally},
};

mod devices;
mod json;
pub mod latency;
pub mod leaks;
mod pcapng;
pub mod report;
mod schema;
mod silent;
pub mod sockets;
mod text;
pub mod time;
mod via;
mod words;

#[cfg(test)]
mod tests;

pub use devices::Devices;
pub use silent::Silent;
use time::WallClock;

/// An output format.
///
/// Every method writes whole lines, or blocks, to `out` and fails only as `out` does; a closed pipe is an
/// error here like any other and the caller's to judge. What a format has no room for it leaves out.
pub trait Render: Send {
    /// Takes in how the wall's clock stands to the hooks': it may have been set, or the machine slept.
    fn clock(&mut self, _sample: &Sample) {}

    /// Hears that what comes is younger than `at`: everything older was told, or is told only now
    /// that it is certain.
    ///
    /// # Errors
    /// Those of `out`.
    fn reached(&mut self, _at: MonoNs, _out: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }

    /// Tells that the trace runs, and how.
    ///
    /// # Errors
    /// Those of `out`.
    fn start(&mut self, _start: &Start<'_>, _out: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }

    /// Tells how a capture file was held against the recording that is told; `at` is the moment
    /// the line is about.
    ///
    /// # Errors
    /// Those of `out`.
    fn alignment(
        &mut self,
        _alignment: &Alignment,
        _at: MonoNs,
        _out: &mut dyn Write,
    ) -> io::Result<()> {
        Ok(())
    }

    /// Tells one thing the kernel did.
    ///
    /// # Errors
    /// Those of `out`.
    fn event(&mut self, _event: &Observation, _out: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }

    /// Tells how a connection ended.
    ///
    /// # Errors
    /// Those of `out`.
    fn ending(&mut self, explained: &Explained<'_>, out: &mut dyn Write) -> io::Result<()>;

    /// Tells of a segment that no ending tells.
    ///
    /// # Errors
    /// Those of `out`.
    fn segment(
        &mut self,
        _stray: &Stray,
        _devices: &Devices,
        _out: &mut dyn Write,
    ) -> io::Result<()> {
        Ok(())
    }

    /// Tells that records were lost.
    ///
    /// # Errors
    /// Those of `out`.
    fn lost(&mut self, _lost: &Lost, _out: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }

    /// Tells the account of the run.
    ///
    /// # Errors
    /// Those of `out`.
    fn summary(&mut self, _tally: &Tally, _out: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }
}

/// What a reader of the output should know of the run.
#[derive(Clone, Copy, Debug)]
pub struct Start<'a> {
    /// When the hooks were attached.
    pub at: MonoNs,
    /// Version of finrst.
    pub version: &'a str,
    /// Release of the running kernel, as `uname -r`; `None` when it could not be read.
    pub kernel: Option<&'a str>,
    /// Architecture of the machine that was traced, as Rust calls it.
    pub machine: &'a str,
    /// How records travel, `perf` or `ringbuf`; `None` when it is not known.
    pub transport: Option<&'a str>,
    /// Every point finrst hooks and the way it does.
    pub points: &'a [Point<'a>],
}

/// One point in the kernel and how it is reached.
#[derive(Clone, Copy, Debug)]
pub struct Point<'a> {
    /// The point, as `finrst check` calls it.
    pub name: &'a str,
    /// The way that attached (`fentry`, `kprobe`, …); `None` when none did.
    pub way: Option<&'a str>,
}

/// An ending with what `diagnose` says about it.
#[derive(Clone, Copy, Debug)]
pub struct Explained<'a> {
    /// What happened.
    pub ending: &'a Ending,
    /// What it means.
    pub explanation: &'a Explanation,
    /// What the owner is beyond its pid and its name; `None` when nothing is known.
    pub owner: Option<&'a ProcessFacts>,
    /// The name of the network namespace; `None` when it has none.
    pub netns_name: Option<&'a Foreign>,
    /// The stacks behind each of its acts, as far as they were taken.
    pub stacks: &'a [Option<Stack>],
    /// The stack of who asked for the close.
    pub asked: Option<&'a Stack>,
    /// The names of the devices segments were seen on.
    pub devices: &'a Devices,
}

impl<'a> Explained<'a> {
    /// The stacks the ending is told by, and which act's they are: the decisive one's, else the
    /// first there are.
    #[must_use]
    pub fn stack(&self) -> Option<(usize, &'a Stack)> {
        let mut stacks = self.stacks.iter().enumerate();
        let mut taken = stacks
            .by_ref()
            .filter_map(|(act, it)| Some((act, it.as_ref()?)));
        let first = taken.next()?;
        let is_decisive = |&(act, _): &(usize, &Stack)| {
            let act = self.ending.acts.get(act);
            act.is_some_and(|act| {
                self.ending
                    .decisive()
                    .is_some_and(|it| std::ptr::eq(it, act))
            })
        };
        let decisive = std::iter::once(first).chain(taken).find(is_decisive);
        Some(decisive.unwrap_or(first))
    }

    /// Where in its program the ending was called for, in a few words: by who asked, else by who closed.
    #[must_use]
    pub fn code(&self) -> Option<String> {
        let call = |stack| text::caller(stack).map(|it| it.to_string());
        let acted = || self.stack().and_then(|(_, stack)| call(stack));
        self.asked.and_then(call).or_else(acted)
    }
}

/// How lines look.
#[derive(Clone, Debug)]
pub struct Options {
    /// Maps the hooks' time to wall time.
    pub clock: WallClock,
    /// Names of the traced kernel's reset reasons, for events.
    pub reasons: ReasonNames,
    /// Whether text carries colours.
    pub colour: bool,
    /// Whether text explains every ending.
    pub explain: bool,
    /// Whether text shows stacks.
    pub stacks: bool,
}

/// The output formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// One aligned line per ending, for people.
    Text,
    /// JSON Lines by `docs/schema/finrst.schema.json`, for programs.
    Json,
    /// Packets for tcpdump, tshark and Wireshark, each with what its ending was as a comment.
    Pcapng,
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 3] = [Self::Text, Self::Json, Self::Pcapng];

    /// The name on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Json => "json",
            Self::Pcapng => "pcapng",
        }
    }

    /// Makes what writes the format.
    #[must_use]
    pub fn renderer(self, options: Options) -> Box<dyn Render> {
        match self {
            Self::Text => Box::new(text::Text::new(options)),
            Self::Json => Box::new(json::Json::new(options)),
            Self::Pcapng => Box::new(pcapng::Pcapng::new(options)),
        }
    }
}
