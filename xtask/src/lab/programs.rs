//! Programs nobody here wrote, each ending connections in a way it is known for: the cause and the
//! owner told of each end must be what the program is known to have done.

mod kernel;
mod postgres;
mod proxies;
mod redis;
mod runtimes;
pub(super) mod stage;
pub(super) mod web;

use std::{path::Path, time::Duration};

use anyhow::{bail, ensure};
use stage::{Running, Stage};

use super::{
    Lab,
    outcome::{Outcome, Report, Skip},
    recording::tools::{Scratch, replay},
    told::Ending,
    tracer::Tracer,
    verdicts::{Count, Verdicts},
};
use crate::shell;

/// A program, and what it is made to do.
#[derive(Debug)]
pub(crate) struct Program {
    /// The name of its test, behind `programs/`.
    pub(crate) name: &'static str,
    /// What happens.
    pub(crate) title: &'static str,
    /// The commands that must be there.
    needs: &'static [&'static str],
    /// Further arguments of finrst.
    arguments: &'static [&'static str],
    /// Has it happen.
    play: fn(&Stage) -> anyhow::Result<Played>,
}

/// Every program, in the order they are played.
pub(crate) fn all() -> impl Iterator<Item = &'static Program> {
    let families = [
        web::PROGRAMS,
        proxies::PROGRAMS,
        redis::PROGRAMS,
        postgres::PROGRAMS,
        runtimes::PROGRAMS,
        kernel::PROGRAMS,
    ];
    families.into_iter().flatten()
}

/// What has happened.
#[derive(Debug)]
struct Played {
    /// What must be told of it, and nothing else.
    expected: Vec<Wanted>,
    /// Programs that must not end before it was told.
    running: Vec<Running>,
}

/// Endings of one kind that must be told.
#[derive(Debug)]
struct Wanted {
    /// Whose end it is, in words.
    whose: &'static str,
    /// The server's port.
    port: u16,
    /// Whether it is the server's end.
    server: bool,
    /// The processes one of which held the socket; nobody did where there are none.
    owners: Vec<u32>,
    /// The decisive act, as `how/cause`.
    act: &'static str,
    /// Whose call it was, where that was not the owner.
    actor: Option<u32>,
}

impl Wanted {
    /// The end of a server's.
    fn server(whose: &'static str, port: u16, owners: &[u32], act: &'static str) -> Self {
        Self {
            whose,
            port,
            server: true,
            owners: owners.to_vec(),
            act,
            actor: None,
        }
    }

    /// The end of whoever asked the server.
    fn client(whose: &'static str, port: u16, owners: &[u32], act: &'static str) -> Self {
        Self {
            server: false,
            ..Self::server(whose, port, owners, act)
        }
    }

    /// Somebody else ended it.
    fn by(mut self, actor: u32) -> Self {
        self.actor = Some(actor);
        self
    }

    /// Whether an ending is of this end.
    fn is_of(&self, ending: &Ending) -> bool {
        let connection = &ending.connection;
        let end = if self.server {
            connection.local
        } else {
            connection.remote
        };
        end.port == self.port
    }

    /// Whether an ending is what was expected of this end.
    fn is_told_by(&self, ending: &Ending) -> bool {
        let owner = ending.owner.as_ref().and_then(|owner| owner.pid);
        let held = match owner {
            Some(pid) => self.owners.contains(&pid),
            None => self.owners.is_empty(),
        };
        let by = self.actor.is_none_or(|pid| ending.actor.pid == Some(pid));
        self.is_of(ending) && held && by && self.act == act(ending)
    }
}

/// The decisive act of an ending, as `how/cause`.
fn act(ending: &Ending) -> String {
    format!("{}/{}", ending.how, ending.cause)
}

/// How sure the cause of an ending is.
fn decisive_confidence(ending: &Ending) -> &str {
    let mut acts = ending.acts.iter();
    let decisive = acts.find(|it| it.how == ending.how && it.cause == ending.cause);
    decisive.map_or("", |it| it.confidence.as_str())
}

/// What finrst told of a program.
#[derive(Debug)]
pub(crate) struct Told {
    /// Whose end, and the acts with their causes that were told of it.
    pub(crate) verdicts: Vec<(&'static str, String)>,
    /// How often each cause was told where it was expected.
    counts: Verdicts,
    /// Its lines, as a person reads them.
    pub(crate) text: String,
}

/// Runs those of the tests that are wanted, and shows what was told as a table.
pub(crate) fn run(lab: &Lab, wanted: &dyn Fn(&str) -> bool, report: &mut Report) {
    let mut table = Vec::new();
    for program in all() {
        let name = format!("programs/{}", program.name);
        if !wanted(&name) {
            continue;
        }
        let told = one(lab, program);
        if let Ok(told) = &told {
            for (whose, verdict) in &told.verdicts {
                table.push(format!("{:28}{whose:28}{verdict}", program.name));
            }
        }
        if let Ok(told) = &told {
            report.verdicts(&name, told.counts.clone());
        }
        report.add(&name, Outcome::of(told.map(drop)));
    }
    if !table.is_empty() {
        super::print(&table.join("\n"));
    }
}

/// Has a program do what it is known for under a tracer, and compares what is told.
///
/// # Errors
/// Something else is told, or the program cannot do it here.
pub(crate) fn one(lab: &Lab, program: &Program) -> anyhow::Result<Told> {
    if let Some(missing) = program.needs.iter().find(|it| shell::find(it).is_none()) {
        bail!(Skip(format!("there is no {missing}")));
    }
    let scratch = Scratch::new()?;
    let recording = scratch.file("recording");
    let stage = Stage::new()?;
    let mut arguments = stage.filter();
    arguments.extend(["--record", &recording].map(str::to_owned));
    arguments.extend(program.arguments.iter().map(|&it| it.to_owned()));
    let mut tracer = Tracer::start(lab.trace(&arguments), Duration::from_secs(20))?;
    let played = (program.play)(&stage)?;
    let expected = &played.expected;
    let is_told = |wanted: &Wanted, endings: &[Ending]| {
        endings.iter().any(|ending| wanted.is_told_by(ending))
    };
    tracer.watch(Duration::from_secs(5), |endings| {
        expected.iter().all(|wanted| is_told(wanted, endings))
    })?;
    // What must not be told has its chance to be.
    tracer.watch(Duration::from_millis(300), |_| false)?;
    let ended = tracer.stop()?;
    drop(played.running);
    let text = text(&lab.finrst, &recording)?;
    let mut wrong = Vec::new();
    for wanted in expected.iter().filter(|it| !is_told(it, &ended.endings)) {
        let Wanted {
            whose, act, owners, ..
        } = wanted;
        wrong.push(format!("{whose}: expected {act} of {owners:?}"));
    }
    let (mut verdicts, mut counts) = (Vec::new(), Verdicts::default());
    for ending in &ended.endings {
        match expected.iter().find(|wanted| wanted.is_told_by(ending)) {
            Some(wanted) => {
                verdicts.push((wanted.whose, act(ending)));
                counts.add(&ending.cause, Count::right(decisive_confidence(ending)));
            }
            None if expected.iter().any(|wanted| wanted.is_of(ending)) => {
                let owner = &ending.owner;
                wrong.push(format!("nobody expected {} of {owner:?}", act(ending)));
            }
            None => {}
        }
    }
    verdicts.sort_unstable();
    verdicts.dedup();
    ensure!(wrong.is_empty(), "{}\n{text}", wrong.join("\n"));
    Ok(Told {
        verdicts,
        counts,
        text,
    })
}

/// What a recording says to a person.
fn text(finrst: &Path, recording: &str) -> anyhow::Result<String> {
    let view = ["--explain", "--quiet", "--color", "never"];
    let told = replay(finrst, recording, &view)?;
    Ok(String::from_utf8(told.stdout)?)
}
