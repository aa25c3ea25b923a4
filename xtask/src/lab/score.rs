//! The score: how many owners and actors finrst told right, wrong, or not at all.

use std::{fmt, ops::AddAssign};

use super::{
    Lab, compare,
    told::{Actor, Ending},
};
use crate::scene::truth::{Expected, Process};

/// How finrst calls an owner it is not sure of.
const LIKELY: &str = "likely";

/// What a fact told is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    /// It is what the program says of itself.
    Right,
    /// It is something else.
    Wrong,
    /// Nothing was told.
    Unknown,
}

/// How often each mark was given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Marks {
    /// Told as it was.
    pub(crate) right: u32,
    /// Told otherwise.
    pub(crate) wrong: u32,
    /// Not told.
    pub(crate) unknown: u32,
}

impl Marks {
    /// Counts one mark.
    pub(crate) fn give(&mut self, mark: Mark) {
        let count = match mark {
            Mark::Right => &mut self.right,
            Mark::Wrong => &mut self.wrong,
            Mark::Unknown => &mut self.unknown,
        };
        *count = count.saturating_add(1);
    }

    /// Reads a word and three numbers.
    fn read<'word>(what: &str, words: &mut impl Iterator<Item = &'word str>) -> Option<Self> {
        words.next().filter(|word| *word == what)?;
        let mut number = || words.next()?.parse().ok();
        Some(Self {
            right: number()?,
            wrong: number()?,
            unknown: number()?,
        })
    }
}

impl AddAssign for Marks {
    fn add_assign(&mut self, other: Self) {
        self.right = self.right.saturating_add(other.right);
        self.wrong = self.wrong.saturating_add(other.wrong);
        self.unknown = self.unknown.saturating_add(other.unknown);
    }
}

impl fmt::Display for Marks {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "{:>8} {:>6} {:>8}",
            self.right, self.wrong, self.unknown
        )
    }
}

/// The marks of many endings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Score {
    /// Who held the sockets.
    pub(crate) owner: Marks,
    /// Of those, the owners told as likely; the others were told as exact, or not at all.
    pub(crate) likely: Marks,
    /// Who acted.
    pub(crate) actor: Marks,
    /// The segments of acts, of captures.
    pub(crate) joined: Marks,
}

impl AddAssign for Score {
    fn add_assign(&mut self, other: Self) {
        self.owner += other.owner;
        self.likely += other.likely;
        self.actor += other.actor;
        self.joined += other.joined;
    }
}

impl Score {
    /// The heading of a table of scores, after a column that names each row.
    pub(crate) const HEADING: &'static str = "   owner: right  wrong  unknown   actor: right  wrong  unknown  joined: right  wrong  missing";

    /// The score of the endings a scene expects, as far as they can be seen here.
    pub(crate) fn of(lab: &Lab, expected: &[Expected], endings: &[Ending]) -> Self {
        let mut score = Self::default();
        for expected in expected.iter().filter(|it| compare::can_be_seen(lab, it)) {
            let mut told = endings.iter().filter(|it| compare::is_of(it, expected));
            match told.next() {
                None => score.miss(),
                Some(first) => {
                    // What is told of one ending twice is as wrong as the worse of the two.
                    let worst = told.fold(Self::rate(expected, first), |worst, it| {
                        let (owner, actor) = Self::rate(expected, it);
                        (worse(worst.0, owner), worse(worst.1, actor))
                    });
                    score.give(worst, first);
                }
            }
        }
        score
    }

    /// Counts an ending that was told.
    pub(crate) fn count(&mut self, expected: &Expected, told: &Ending) {
        self.give(Self::rate(expected, told), told);
    }

    fn give(&mut self, (owner, actor): (Mark, Mark), told: &Ending) {
        self.owner.give(owner);
        self.actor.give(actor);
        if told
            .owner
            .as_ref()
            .is_some_and(|it| it.confidence == LIKELY)
        {
            self.likely.give(owner);
        }
    }

    /// Counts an ending that was not told.
    pub(crate) fn miss(&mut self) {
        self.owner.give(Mark::Unknown);
        self.actor.give(Mark::Unknown);
    }

    /// Owner and actor of one ending, the actor of its worst act.
    fn rate(expected: &Expected, told: &Ending) -> (Mark, Mark) {
        let decisive = actor(expected, &told.how, &told.actor);
        let actor = told.acts.iter().fold(decisive, |worst, act| {
            worse(worst, actor(expected, &act.how, &act.actor))
        });
        (owner(expected.owner.as_ref(), told), actor)
    }
}

impl fmt::Display for Score {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            owner,
            actor,
            joined,
            ..
        } = self;
        write!(out, "      {owner}        {actor}        {joined}")
    }
}

/// One line of `xtask lab --lines`: `score WAY owner R W U likely R W U actor R W U joined R W U`: right,
/// wrong and unknown.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ScoreLine<'line> {
    /// The way of attaching that was forced.
    pub(crate) way: &'line str,
    /// The score of the whole run.
    pub(crate) score: Score,
}

impl<'line> ScoreLine<'line> {
    /// The line of a run.
    pub(crate) fn new(way: &'line str, score: Score) -> Self {
        Self { way, score }
    }

    /// Reads a line; `None` for every other line of a console.
    pub(crate) fn read(line: &'line str) -> Option<Self> {
        let mut words = line.strip_prefix("score ")?.split_whitespace();
        let way = words.next()?;
        let owner = Marks::read("owner", &mut words)?;
        let likely = Marks::read("likely", &mut words)?;
        let actor = Marks::read("actor", &mut words)?;
        let joined = Marks::read("joined", &mut words)?;
        let score = Score {
            owner,
            likely,
            actor,
            joined,
        };
        Some(Self::new(way, score))
    }
}

impl fmt::Display for ScoreLine<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = |it: Marks| format!("{} {} {}", it.right, it.wrong, it.unknown);
        let Score {
            owner,
            likely,
            actor,
            joined,
        } = self.score;
        let [owner, likely, actor, joined] = [owner, likely, actor, joined].map(words);
        write!(
            out,
            "score {} owner {owner} likely {likely} actor {actor} joined {joined}",
            self.way
        )
    }
}

/// The worse of two marks: nothing told is better than something wrong.
fn worse(one: Mark, other: Mark) -> Mark {
    match (one, other) {
        (Mark::Wrong, _) | (_, Mark::Wrong) => Mark::Wrong,
        (Mark::Unknown, _) | (_, Mark::Unknown) => Mark::Unknown,
        (Mark::Right, Mark::Right) => Mark::Right,
    }
}

/// Whether the owner told is the process that held the socket, or nobody where nobody did.
fn owner(expected: Option<&Process>, told: &Ending) -> Mark {
    let told = told
        .owner
        .as_ref()
        .and_then(|owner| Some((owner, owner.pid?)));
    match (expected, told) {
        (None, None) => Mark::Right,
        (Some(_), None) => Mark::Unknown,
        (None, Some(_)) => Mark::Wrong,
        (Some(process), Some((owner, pid))) => {
            // One pid can be of two processes, one after the other; then the start tells, or the name.
            let same = match (owner.start_ns, process.start_ticks) {
                (Some(told), Some(ticks)) => starts(told, ticks),
                _ => owner.comm.as_ref() == Some(&process.comm),
            };
            if pid == process.pid && same {
                Mark::Right
            } else {
                Mark::Wrong
            }
        }
    }
}

/// Whether a start in nanoseconds is the one procfs tells in ticks (`USER_HZ`, 100 everywhere).
pub(crate) fn starts(told_ns: u64, ticks: u64) -> bool {
    told_ns / 10_000_000 == ticks
}

/// Whether an act of this kind is one of the socket's own side.
pub(crate) fn is_ours(how: &str) -> bool {
    how.ends_with("_sent") || how == "held_open" || how == "destroyed"
}

/// Whether the actor told is who acted: the peer's acts are the kernel's, ours somebody's, if a call
/// made them.
pub(crate) fn actor(expected: &Expected, how: &str, told: &Actor) -> Mark {
    let own = is_ours(how) && !(expected.answered && how == "rst_sent");
    let right = match expected.actor.as_ref().filter(|_| own) {
        Some(_) if expected.deferred && told.context == "kernel_thread" => true,
        Some(process) => told.context == "task" && told.pid == Some(process.pid),
        None => told.context != "task",
    };
    match told.context.as_str() {
        "unknown" => Mark::Unknown,
        _ if right => Mark::Right,
        _ => Mark::Wrong,
    }
}
