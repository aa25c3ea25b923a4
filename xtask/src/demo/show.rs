//! How the demonstration looks; `anstream` keeps colour away from files and from `NO_COLOR`.

use anstream::println;
use anstyle::{AnsiColor, Style};

use crate::{
    lab::told::{Ending, Summary},
    scene::truth::{Expected, Told},
};

/// A scene's title.
const BOLD: Style = Style::new().bold();

/// What matters less.
const DIM: Style = Style::new().dimmed();

/// An end in order.
const ORDERLY: Style = AnsiColor::Green.on_default();

/// A reset.
const RESET: Style = AnsiColor::Red.on_default();

/// What comes now.
pub(super) fn title(scenes: usize) {
    println!("{BOLD}{scenes} ways to end a TCP connection, as finrst tells them{BOLD:#}");
}

/// A scene's title.
pub(super) fn scene(number: usize, told: &Told) {
    println!("\n{BOLD}{number:2}. {}{BOLD:#}", told.title);
}

/// One end of a scene's connection, and what was told of it.
pub(super) fn ending(expected: &Expected, told: Option<&Ending>) {
    let Some(told) = told else {
        println!(
            "    {DIM}{} -> {}: this kernel has no event for it{DIM:#}",
            expected.local, expected.remote
        );
        return;
    };
    let owner = told.owner.as_ref().and_then(|owner| {
        let (comm, pid) = (owner.comm.as_deref()?, owner.pid?);
        Some(format!("{comm}({pid})"))
    });
    let owner = owner.unwrap_or_else(|| "the kernel".to_owned());
    let local = std::net::SocketAddr::from(told.connection.local);
    let remote = std::net::SocketAddr::from(told.connection.remote);
    let how = if told.how.starts_with("rst") {
        RESET
    } else {
        ORDERLY
    };
    println!(
        "    {owner:18} {DIM}{local:>21} -> {remote:<21}{DIM:#} {how}{:13} {}{how:#}",
        told.how, told.cause
    );
    if let Some(explanation) = &told.explanation {
        println!("      {explanation}");
    }
}

/// What it came to.
pub(super) fn summary(complete: usize, scenes: usize, account: Summary) {
    println!(
        "\n{BOLD}{complete} of {scenes} told completely{BOLD:#}: {} endings, {} kernel records, {} lost",
        account.endings, account.received, account.lost
    );
}
