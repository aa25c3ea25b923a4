//! The demonstration: a dozen real endings, and what finrst says of each, as it happens.

mod interrupt;
mod show;

use std::{
    path::PathBuf,
    process::ExitCode,
    sync::mpsc::{self, Receiver},
    thread,
    time::Duration,
};

use anyhow::Context as _;

use crate::{
    lab::{
        Lab, Way, compare, played, scenes,
        told::Ending,
        tracer::{Ended, Tracer},
    },
    scene::truth::Told,
    vm,
};

/// The scenes shown, in this order.
const PROGRAMME: [&str; 12] = [
    "client_closes_first",
    "server_closes_first",
    "half_close",
    "unread_data",
    "linger_zero",
    "refused",
    "exit_open",
    "killed",
    "killed_unread",
    "last_closer",
    "slow_reaction",
    "ipv6",
];

/// Exit code of a command that lacks privileges, as finrst's own.
const PRIVILEGES: u8 = 3;

/// Exit code of a command that was interrupted, as shells count it.
const INTERRUPTED: u8 = 130;

/// What `xtask demo` was told.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Show this finrst instead of building one.
    #[arg(long)]
    finrst: Option<PathBuf>,
}

/// Builds finrst, plays the programme, shows what finrst tells of it.
///
/// # Errors
/// finrst could not be built or started, or a scene failed.
pub(crate) fn run(options: &Options) -> anyhow::Result<ExitCode> {
    if !nix::unistd::geteuid().is_root() {
        eprintln!("error: the demo attaches to the kernel, which takes root");
        eprintln!("hint: run `sudo -E cargo xtask demo`");
        return Ok(ExitCode::from(PRIVILEGES));
    }
    interrupt::catch()?;
    let finrst = match &options.finrst {
        Some(path) => path.clone(),
        None => vm::release_finrst()?,
    };
    let lab = Lab::new(&finrst, Way::Auto)?;
    let trace = lab.trace(&[scenes::HELD_OPEN.to_owned()]);
    let mut tracer = Tracer::start(trace, lab.patience(Duration::from_secs(10)))?;
    show::title(PROGRAMME.len());
    let complete = watch(&lab, &mut tracer, &play_all())?;
    let ended = tracer.stop()?;
    if interrupt::happened() {
        eprintln!("interrupted");
        return Ok(ExitCode::from(INTERRUPTED));
    }
    close(&ended, complete)
}

/// Plays every scene, one after another, without waiting for what is told of them.
fn play_all() -> Receiver<anyhow::Result<Told>> {
    let (sender, played) = mpsc::channel();
    thread::spawn(move || {
        for scene in PROGRAMME {
            if interrupt::happened() || sender.send(played::play(scene, &[])).is_err() {
                return;
            }
            // A reader's pace, and far below what would make endings look simultaneous.
            thread::sleep(Duration::from_millis(120));
        }
    });
    played
}

/// Shows each scene as soon as everything is told of it; returns how many were told completely.
fn watch(
    lab: &Lab,
    tracer: &mut Tracer,
    played: &Receiver<anyhow::Result<Told>>,
) -> anyhow::Result<usize> {
    let mut complete = 0;
    for (number, told) in (1..).zip(played) {
        if interrupt::happened() {
            break;
        }
        let told = told?;
        show::scene(number, &told);
        let all =
            |endings: &[Ending]| interrupt::happened() || scenes::complete(lab, &told, endings);
        let in_time = tracer.watch(lab.patience(Duration::from_secs(3)), all)?;
        if interrupt::happened() {
            break;
        }
        complete += usize::from(in_time);
        let (answers, beginnings): (Vec<_>, Vec<_>) = told
            .expected
            .iter()
            .partition(|expected| expected.initiator.as_deref() == Some("remote"));
        for expected in beginnings.into_iter().chain(answers) {
            let found = tracer
                .endings
                .iter()
                .find(|it| compare::is_of(it, expected));
            show::ending(expected, found);
        }
    }
    Ok(complete)
}

/// The last line, and whether the demonstration showed what it meant to.
fn close(ended: &Ended, complete: usize) -> anyhow::Result<ExitCode> {
    let summary = ended.summary.context("finrst printed no summary")?;
    show::summary(complete, PROGRAMME.len(), summary);
    let good = complete == PROGRAMME.len() && ended.status.success();
    Ok(ExitCode::from(u8::from(!good)))
}
