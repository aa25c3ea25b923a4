//! How what the kernel half gathered is told: in groups, or two processes against each other.

use std::{
    fs::File,
    io::{self, Write},
    sync::Arc,
};

use tracer_common::gather::{Life, Owner};

use crate::{
    app::{
        latency::gathered::{self, Counted},
        output, view,
    },
    cli::{Latency as Asked, Output},
    latency::{Latencies, group::By},
    model::{clock::Sample, reason::ReasonNames, time::MonoNs},
    render::{
        Format, Options, Render,
        latency::{
            Latency, PlotFile, Telling,
            pair::{Pair, Subject},
        },
    },
};

/// The name of a process that acted, NUL-padded.
type Name<'a> = &'a dyn Fn(&Owner) -> Option<[u8; 16]>;

/// What is told.
pub(super) enum Told {
    /// Groups.
    Groups(By, Latency),
    /// Two processes.
    Pair(Pair),
}

impl Told {
    pub(super) fn groups(asked: &Asked, by: By, plot: Option<Arc<File>>, clock: &Sample) -> Self {
        let telling = Telling {
            by,
            interval_ns: None,
            plot: plot.map(|file| -> Box<dyn PlotFile> { Box::new(file) }),
        };
        let (format, options) = shape(asked, clock);
        Self::Groups(by, Latency::new(format, telling, options))
    }

    pub(super) fn pair(asked: &Asked, subjects: [Subject; 2], clock: &Sample) -> Self {
        let (format, options) = shape(asked, clock);
        Self::Pair(Pair::new(format, subjects, options))
    }

    /// What writes the start and the summary.
    pub(super) fn render(&mut self) -> &mut dyn Render {
        match self {
            Self::Groups(_, latency) => latency,
            Self::Pair(pair) => pair,
        }
    }

    /// Tells what came in an interval; of two processes only the end is told.
    ///
    /// # Errors
    ///
    /// Those of `out`.
    pub(super) fn interval(
        &mut self,
        (grown, name): (&Counted, Name<'_>),
        during: (MonoNs, MonoNs),
        out: &mut dyn Write,
    ) -> io::Result<()> {
        match self {
            Self::Groups(by, latency) => {
                let latencies = gathered::latencies(*by, grown, name);
                latency.interval(&latencies, during, out)
            }
            Self::Pair(_) => Ok(()),
        }
    }

    /// Takes over what was counted of endings, and of connections that are still remembered, to be told
    /// with the summary; says how many endings those are.
    pub(super) fn take(
        &mut self,
        (counted, lives): (&Counted, &[Life]),
        (only_wanted, at): (bool, MonoNs),
        name: Name<'_>,
    ) -> u64 {
        let all = |by, counted: &Counted, lives: &[Life]| {
            let mut latencies = gathered::latencies(by, counted, name);
            gathered::add_remaining(&mut latencies, lives, (by, only_wanted, at), name);
            latencies
        };
        match self {
            Self::Groups(by, latency) => {
                let latencies = all(*by, counted, lives);
                let endings = endings(&latencies);
                latency.gathered(latencies);
                endings
            }
            Self::Pair(pair) => {
                let each = pair.pids().map(|pid| {
                    let own = counted.iter().filter(|(it, _)| it.owner.tgid == pid);
                    let lives = lives.iter().filter(|it| it.owner.tgid == pid);
                    let counted = own.map(|(&place, &durations)| (place, durations)).collect();
                    all(By::All, &counted, &lives.copied().collect::<Vec<_>>())
                });
                let both = each.iter().map(endings).sum();
                pair.gathered(each);
                both
            }
        }
    }
}

fn endings(latencies: &Latencies) -> u64 {
    let groups = latencies.groups();
    let grouped: u64 = groups.iter().map(|(_, group)| group.endings).sum();
    grouped + latencies.refused()
}

fn shape(asked: &Asked, clock: &Sample) -> (Format, Options) {
    let format = match asked.output {
        Output::Text => Format::Text,
        Output::Json => Format::Json,
    };
    let options = Options {
        clock: view::from_offset(clock.offset_ns),
        reasons: ReasonNames::default(),
        colour: output::coloured(asked.color),
        explain: false,
        stacks: false,
    };
    (format, options)
}
