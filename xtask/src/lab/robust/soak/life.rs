//! Short lives of finrst, each with other filters, and each with an end of its own.

use std::{collections::BTreeMap, process::Command, thread, time::Duration};

use anyhow::{Context as _, ensure};
use nix::sys::signal::Signal;

use super::{
    super::{chance::Chance, held},
    account::PerKind,
    watched::{Gone, Reader, Watched},
};
use crate::lab::{Lab, recording::tools::Scratch};

/// The longest a life goes on once everything is attached, if nothing else ends it.
const LIFE_MS: u64 = 2_000;

/// The longest stop.
const STOP_MS: u64 = 800;

/// How long anything is waited for that must happen.
const PATIENCE: Duration = Duration::from_mins(1);

/// What is asked for.
const FILTERS: [&[&str]; 11] = [
    &[],
    &["--comm", "fr-server"],
    &["--comm", "fr-client", "--kind", "rst"],
    &["--net", "127.0.0.0/28"],
    &["--net", "::1/128"],
    &["-u", "0"],
    &["-4", "--kind", "fin"],
    &["-6"],
    &["--cause", "linger_zero"],
    &["--remote-port", "80"],
    &["-p", "SELF", "--follow"],
];

/// How.
const MANNERS: [&[&str]; 9] = [
    &[],
    &["--transport", "perf"],
    &["--buffer-size", "8"],
    &["--wire", "xmit"],
    &["--wire", "tcx"],
    &["--wire", "afpacket"],
    &["--stack", "both"],
    &["--go-callers"],
    &["-v", "--sockets", "100"],
];

/// A file system with room for next to nothing, seen by what runs in it alone; `$0` is where.
const FULL: &str = r#"mount -t tmpfs -o size=64k soak "$0" && "#;

/// How a life ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum End {
    /// By SIGINT.
    Interrupted,
    /// By SIGTERM.
    Terminated,
    /// After a time, or so many endings.
    ByItself,
    /// By SIGKILL.
    Killed,
    /// Because nobody reads its lines any more.
    Unread,
    /// Because there is no room for its lines.
    NoRoomForLines,
    /// By SIGINT, after there was no room for its recording.
    NoRoomForRecording,
}

impl End {
    const ALL: [Self; 7] = [
        Self::Interrupted,
        Self::Terminated,
        Self::ByItself,
        Self::Killed,
        Self::Unread,
        Self::NoRoomForLines,
        Self::NoRoomForRecording,
    ];

    /// Its exit code; `None` where a signal ends it.
    pub(crate) const fn code(self) -> Option<i32> {
        match self {
            Self::Interrupted | Self::Terminated | Self::ByItself | Self::Unread => Some(0),
            Self::Killed => None,
            Self::NoRoomForLines | Self::NoRoomForRecording => Some(1),
        }
    }

    /// What happens, for people.
    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::Interrupted => "SIGINT",
            Self::Terminated => "SIGTERM",
            Self::ByItself => "`--count` or `--duration`",
            Self::Killed => "SIGKILL",
            Self::Unread => "stdout closed by its reader",
            Self::NoRoomForLines => "stdout on a full disk",
            Self::NoRoomForRecording => "`--record` on a full disk, then SIGINT",
        }
    }

    /// Whether its account can be read afterwards.
    const fn tells(self) -> bool {
        !matches!(self, Self::Killed | Self::Unread | Self::NoRoomForLines)
    }

    /// The program, with these arguments; ends that need one have a full disk at `place`.
    fn command(self, lab: &Lab, arguments: &[String], place: &str) -> Command {
        let trace = lab.trace(arguments);
        let script = match self {
            Self::NoRoomForLines => r#"exec "$@" >"$0/lines""#,
            Self::NoRoomForRecording => r#"exec "$@" --record "$0/recording""#,
            Self::Interrupted | Self::Terminated | Self::ByItself | Self::Killed | Self::Unread => {
                return trace;
            }
        };
        let mut inside = Command::new("unshare");
        inside.args(["--mount", "sh", "-c", &format!("{FULL}{script}"), place]);
        inside.arg(trace.get_program()).args(trace.get_args());
        inside
    }
}

/// Lives one after the other.
pub(super) struct Lives<'lab> {
    lab: &'lab Lab,
    chance: Chance,
    /// How many ended how.
    pub(super) ended: BTreeMap<End, u64>,
    /// The accounts of those that told theirs.
    pub(super) accounts: PerKind,
    /// How often one was stopped and went on.
    pub(super) stops: u64,
}

impl<'lab> Lives<'lab> {
    pub(super) const fn new(lab: &'lab Lab, chance: Chance) -> Self {
        Self {
            lab,
            chance,
            ended: BTreeMap::new(),
            accounts: BTreeMap::new(),
            stops: 0,
        }
    }

    /// One more.
    ///
    /// # Errors
    /// Something is wrong with it.
    pub(super) fn one(&mut self) -> anyhow::Result<()> {
        let end = *self.chance.one_of(&End::ALL).context("no end")?;
        let arguments = self.arguments(end);
        let number = self.ended.values().sum::<u64>();
        self.live(end, &arguments)
            .with_context(|| format!("life {number}, {end:?}, of {}", arguments.join(" ")))?;
        *self.ended.entry(end).or_default() += 1;
        Ok(())
    }

    fn arguments(&mut self, end: End) -> Vec<String> {
        let filter = self.chance.one_of(&FILTERS).copied().unwrap_or_default();
        let manner = self.chance.one_of(&MANNERS).copied().unwrap_or_default();
        let (limit, number) = (self.chance.below(2), self.chance.below(LIFE_MS));
        // What must fill a disk asks for everything.
        let full = matches!(end, End::NoRoomForLines | End::NoRoomForRecording);
        let filter = if full { &[] } else { filter };
        let words = filter.iter().chain(manner).map(|word| match *word {
            "SELF" => std::process::id().to_string(),
            word => word.to_owned(),
        });
        let mut words: Vec<_> = words.collect();
        if end == End::ByItself {
            let duration = format!("{}ms", number + 1);
            words.extend(["--duration".to_owned(), duration]);
            if limit == 0 {
                words.extend(["--count".to_owned(), (number + 1).to_string()]);
            }
        }
        words
    }

    fn live(&mut self, end: End, arguments: &[String]) -> anyhow::Result<()> {
        let patience = self.lab.patience(PATIENCE);
        let scratch = Scratch::new()?;
        let reader = match end {
            End::Unread => Reader::Leaves,
            End::NoRoomForLines => Reader::Nobody,
            End::Interrupted
            | End::Terminated
            | End::ByItself
            | End::Killed
            | End::NoRoomForRecording => Reader::Stays,
        };
        let mut command = end.command(self.lab, arguments, &scratch.file(""));
        let mut watched = Watched::start(&mut command, reader)?;
        if reader == Reader::Nobody {
            held::wait_for(self.lab, "lives without any program", || {
                let loaded = watched.has_ended()? || !held::by(watched.pid())?.is_empty();
                Ok((!loaded).then_some(end).into_iter().collect())
            })?;
        } else {
            watched.attached(patience)?;
        }
        // It may be over by itself already, and its descriptors with it.
        let objects = held::by(watched.pid()).unwrap_or_default();
        if self.chance.below(3) == 0 {
            watched.signal(Signal::SIGSTOP)?;
            thread::sleep(self.chance.moment(STOP_MS));
            watched.signal(Signal::SIGCONT)?;
            self.stops += 1;
        }
        self.end(end, &watched)?;
        let gone = watched.wait(patience)?;
        self.judge(end, gone)?;
        held::gone(self.lab, &objects)
    }

    /// Ends it, or waits for what does.
    fn end(&mut self, end: End, watched: &Watched) -> anyhow::Result<()> {
        let signal = match end {
            End::Interrupted => Signal::SIGINT,
            End::Terminated => Signal::SIGTERM,
            End::Killed => Signal::SIGKILL,
            End::NoRoomForRecording => {
                watched.says("cannot record", self.lab.patience(PATIENCE))?;
                Signal::SIGINT
            }
            End::ByItself | End::Unread | End::NoRoomForLines => return Ok(()),
        };
        thread::sleep(self.chance.moment(LIFE_MS));
        watched.signal(signal)
    }

    /// It ended as it had to, and its account is right.
    fn judge(&mut self, end: End, gone: Gone) -> anyhow::Result<()> {
        ensure!(
            gone.status.code() == end.code(),
            "it ended with {}: {}",
            gone.status,
            gone.talk
        );
        if end == End::NoRoomForLines {
            let said = gone.talk.contains("No space left");
            ensure!(said, "it did not say why it ended: {}", gone.talk);
        }
        // Who is killed may be in the midst of writing.
        ensure!(
            end == End::Killed || !gone.heard.cut,
            "its last line is cut"
        );
        if end.tells() {
            let summary = gone.heard.summary.context("there is no summary")?;
            summary.join(gone.heard.endings, &mut self.accounts)?;
        }
        Ok(())
    }
}
