//! `soak`: what must not wear finrst out, for long, and the page of it.

use std::{fmt::Write as _, fs, path::PathBuf, process::ExitCode, time::Duration};

use anyhow::Context as _;

use crate::{
    bench::figures,
    lab::{
        Lab, Way,
        robust::{
            chance,
            soak::{self, PerKind, Soaked},
        },
    },
    mounts, shell,
};

/// What `xtask soak` was told.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// The finrst that has to bear it.
    #[arg(long, default_value = "target/release/finrst")]
    finrst: PathBuf,
    /// For how long.
    #[arg(long, default_value_t = 30)]
    minutes: u64,
    /// Where the page goes, when nothing went wrong.
    #[arg(long, value_name = "FILE")]
    write: Option<PathBuf>,
}

/// Soaks, prints what was seen, and writes the page.
///
/// # Errors
/// What went wrong first, and the seed that it began with.
pub(crate) fn run(options: &Options) -> anyhow::Result<ExitCode> {
    // What others mount meanwhile is not left over from here.
    mounts::own_view().context("a view of its own of what is mounted")?;
    let lab = Lab::new(&options.finrst, Way::Auto)?;
    let time = Duration::from_secs(options.minutes.saturating_mul(60));
    let soaked = soak::soak(&lab, time, chance::seed()?)?;
    let page = page(&soaked, options.minutes, &figures::place()?);
    print!("{page}");
    soaked.witnessed.memory.is_flat()?;
    if let Some(file) = &options.write {
        fs::write(shell::root().join(file), page)?;
    }
    Ok(ExitCode::SUCCESS)
}

const HEAD: &str = "\
# A soak

`cargo xtask soak --write docs/accuracy/soak.md` writes this page, and only if nothing below was otherwise. Storms of connections
end in every manner; in one of four a program is killed. One finrst (`trace --wire xmit -o json`) lives all the time and is
stopped now and then (SIGSTOP, SIGCONT). Beside it others begin, one after the other, each with other filters and transports,
and end by what is in the table. Of each: its exit code, and that it does not panic; that every line is one of its own; that every kind of
record is accounted for (emitted = received + lost), and endings printed are those counted; that its programs,
maps and links are gone afterwards. At the end: no pin and no mount of a namespace that was not there before, memory and descriptors of the one
that lives all the time no higher (5 %) in the last third than in the middle one.
`FINRST_SEED` makes the same chances come again.
";

fn page(soaked: &Soaked, minutes: u64, place: &str) -> String {
    let mut page = String::from(HEAD);
    let Soaked {
        churned, witnessed, ..
    } = soaked;
    let _infallible = write!(
        page,
        "\n{minutes} minutes, seed {}, {place}.\n\n\
         {} connections in {} storms came to their end; in {} more somebody was killed.\n",
        soaked.seed, churned.connections, churned.storms, churned.killed
    );
    let memory = &witnessed.memory;
    let tenths = memory.tenths_kib().into_iter();
    let tenths: Vec<_> = tenths.map(|kib| (kib >> 10).to_string()).collect();
    let _infallible = write!(
        page,
        "\n## The one that lived all the time\n\n\
         {} s, {} endings, stopped {} times; exit 0.\n\n\
         | median of | first third | middle | last |\n|---|--:|--:|--:|\n\
         | memory, KiB | {} |\n| descriptors | {} |\n\n\
         Its memory in each tenth of the time: {} MiB; at most {} KiB.\n\n",
        witnessed.life.as_secs(),
        witnessed.endings,
        witnessed.stops,
        row(memory.kib().0),
        row(memory.descriptors().0),
        tenths.join(", "),
        memory.most_kib()
    );
    accounts(&mut page, &witnessed.account);
    page.push_str("\n## The others\n\n| ended by | times | exit code |\n|---|--:|--:|\n");
    for (end, times) in &soaked.lives {
        let code = end.code().map_or("–".to_owned(), |it| it.to_string());
        let _infallible = writeln!(page, "| {} | {times} | {code} |", end.title());
    }
    let _infallible = write!(
        page,
        "\nStopped {} times. The accounts of those that could still tell theirs, together:\n\n",
        soaked.stops
    );
    accounts(&mut page, &soaked.accounts);
    page
}

fn row(numbers: [u64; 3]) -> String {
    numbers.map(|it| it.to_string()).join(" | ")
}

fn accounts(page: &mut String, kinds: &PerKind) {
    page.push_str("| record | emitted | received | lost |\n|---|--:|--:|--:|\n");
    for (kind, it) in kinds {
        let row = row([it.emitted, it.received, it.lost]);
        let _infallible = writeln!(page, "| {kind} | {row} |");
    }
}
