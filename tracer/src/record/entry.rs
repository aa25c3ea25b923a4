//! The entries of a recording: each call of the road, and what the world answered meanwhile.

use std::io::{self, Write};

use serde::{Serialize, de::DeserializeOwned};

use super::{
    header::Header,
    shape::{self, account, holder, process, segment, socket, stack},
};
use crate::{
    model::{
        clock::{Sample, Timed},
        foreign::Foreign,
        holder::Holder,
        identity::ProcessFacts,
        known::KnownSocket,
        segment::Seen,
        stack::{Stack, StackId},
        stray::Tuple,
        time::{MonoNs, Reached},
    },
    tally::Account,
};

/// The numbers of the kinds; they are never given anew.
mod kind {
    pub(super) const HEADER: u16 = 1;
    pub(super) const CLOCK: u16 = 2;
    pub(super) const RECORD: u16 = 3;
    pub(super) const TURN: u16 = 4;
    pub(super) const PROCESS: u16 = 5;
    pub(super) const NETNS: u16 = 6;
    pub(super) const LOOK: u16 = 7;
    pub(super) const KNOWN: u16 = 8;
    pub(super) const ACCOUNT: u16 = 9;
    pub(super) const END: u16 = 10;
    pub(super) const SIGHTED: u16 = 11;
    pub(super) const DEVICE: u16 = 12;
    pub(super) const TRANSLATED: u16 = 20;
    pub(super) const STACK: u16 = 21;
}

/// One entry. Answers come before the call during which they were given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry<'a> {
    /// What the run is; the first entry, and only that.
    Header(Box<Header>),
    /// How the wall's clock stands to the hooks'.
    Clock(Sample),
    /// A record as it came off the buffers.
    Record(&'a [u8]),
    /// Nothing older than this is to come.
    Turn(Reached),
    /// What the world said about something the road asks for.
    Answer(Answer),
    /// A segment that a capture saw.
    Sighted {
        /// When, by the hooks' clock.
        at: Timed,
        /// In which network namespace, by its inode number.
        netns: Option<u32>,
        /// What and where.
        seen: Box<Seen>,
    },
    /// A network namespace translates one tuple to another.
    Translated {
        /// Inode number of the namespace.
        netns: u32,
        /// Who sent and who it was for before.
        before: Tuple,
        /// And after.
        after: Tuple,
    },
    /// A device a capture sees.
    Device {
        /// In which network namespace, by its inode number.
        netns: Option<u32>,
        /// The kernel's index there.
        index: u32,
        /// Its name.
        name: Foreign,
    },
    /// Sockets older than the attach, a part of them.
    Known(Vec<KnownSocket>),
    /// The kernel half's counters.
    Account(Box<Account>),
    /// The run was ended, by this: the last entry.
    End {
        /// `asked`, `command`, `reader_gone`.
        how: String,
    },
}

/// What the world said; it holds until it says otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// What is known of a process; `None` is "nothing any more".
    Process {
        /// Its pid.
        pid: u32,
        /// Its start, nanoseconds since boot.
        start_ns: u64,
        /// What is known.
        facts: Option<ProcessFacts>,
    },
    /// The name of a network namespace; `None` is "it has none any more".
    Netns {
        /// Its inode number.
        inode: u32,
        /// Its name.
        name: Option<Foreign>,
    },
    /// Who was found to hold a socket, told once.
    Look {
        /// The inode of its descriptors.
        inode: u32,
        /// The holders; `None` when there was no time to look.
        holders: Option<Vec<Holder>>,
    },
    /// The stacks behind an act, told once.
    Stack {
        /// Which.
        id: StackId,
        /// The stacks; `None` when there are none, or no more.
        stack: Option<Box<Stack>>,
    },
}

/// A payload is not what its kind says.
#[derive(Debug, thiserror::Error)]
#[error("an entry of kind {kind} is malformed")]
pub struct PayloadError {
    kind: u16,
    #[source]
    source: Malformed,
}

#[derive(Debug, thiserror::Error)]
enum Malformed {
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    #[error(transparent)]
    Value(#[from] shape::Unknown),
    #[error("{0} bytes instead of 8 or 16")]
    Bytes(usize),
}

impl<'a> Entry<'a> {
    /// Whether this build can read entries of a kind.
    pub(super) const fn knows(kind: u16) -> bool {
        matches!(
            kind,
            kind::HEADER..=kind::DEVICE | kind::TRANSLATED | kind::STACK
        )
    }

    pub(super) const fn kind(&self) -> u16 {
        match self {
            Self::Header(_) => kind::HEADER,
            Self::Clock(_) => kind::CLOCK,
            Self::Record(_) => kind::RECORD,
            Self::Turn(_) => kind::TURN,
            Self::Answer(Answer::Process { .. }) => kind::PROCESS,
            Self::Answer(Answer::Netns { .. }) => kind::NETNS,
            Self::Answer(Answer::Look { .. }) => kind::LOOK,
            Self::Answer(Answer::Stack { .. }) => kind::STACK,
            Self::Sighted { .. } => kind::SIGHTED,
            Self::Device { .. } => kind::DEVICE,
            Self::Translated { .. } => kind::TRANSLATED,
            Self::Known(_) => kind::KNOWN,
            Self::Account(_) => kind::ACCOUNT,
            Self::End { .. } => kind::END,
        }
    }

    pub(super) fn write_payload(&self, out: &mut Vec<u8>) -> io::Result<()> {
        match self {
            Self::Header(header) => json(out, header),
            Self::Clock(sample) => json(out, &shape::Clock::new(sample)),
            Self::Record(bytes) => out.write_all(bytes),
            Self::Turn(reached) => {
                out.write_all(&reached.records.0.to_le_bytes())?;
                if reached.segments == Reached::END {
                    return Ok(());
                }
                out.write_all(&reached.segments.0.to_le_bytes())
            }
            Self::Answer(Answer::Process {
                pid,
                start_ns,
                facts,
            }) => json(out, &process::Told::new(*pid, *start_ns, facts.as_ref())),
            Self::Answer(Answer::Netns { inode, name }) => {
                json(out, &shape::Netns::new(*inode, name.as_ref()))
            }
            Self::Answer(Answer::Look { inode, holders }) => {
                json(out, &holder::Look::new(*inode, holders.as_deref()))
            }
            Self::Answer(Answer::Stack { id, stack }) => {
                json(out, &stack::Told::new(*id, stack.as_deref()))
            }
            Self::Sighted { at, netns, seen } => {
                json(out, &segment::Sighted::new(*at, *netns, seen))
            }
            Self::Device { netns, index, name } => {
                json(out, &segment::Device::new(*netns, *index, name))
            }
            &Self::Translated {
                netns,
                before,
                after,
            } => json(out, &segment::Translated::new(netns, before, after)),
            Self::Known(sockets) => json(out, &socket::Sockets::new(sockets)),
            Self::Account(account) => json(out, &account::Account::new(account)),
            Self::End { how } => json(out, &shape::End { how: how.into() }),
        }
    }

    /// Reads the payload of a kind that [`Entry::knows`].
    pub(super) fn read(kind: u16, payload: &'a [u8]) -> Result<Self, PayloadError> {
        Self::parse(kind, payload).map_err(|source| PayloadError { kind, source })
    }

    fn parse(kind: u16, payload: &'a [u8]) -> Result<Self, Malformed> {
        Ok(match kind {
            kind::RECORD => Self::Record(payload),
            kind::TURN => {
                let moment = |bytes| MonoNs(u64::from_le_bytes(bytes));
                // A run without a capture has only the first.
                Self::Turn(match payload.as_chunks() {
                    (&[records], []) => Reached::records(moment(records)),
                    (&[records, segments], []) => Reached {
                        records: moment(records),
                        segments: moment(segments),
                    },
                    _ => return Err(Malformed::Bytes(payload.len())),
                })
            }
            kind::HEADER => Self::Header(from_json(payload)?),
            kind::CLOCK => Self::Clock(from_json::<shape::Clock>(payload)?.sample()),
            kind::PROCESS => Self::Answer(from_json::<process::Told>(payload)?.answer()?),
            kind::NETNS => Self::Answer(from_json::<shape::Netns>(payload)?.answer()?),
            kind::LOOK => Self::Answer(from_json::<holder::Look>(payload)?.answer()?),
            kind::STACK => Self::Answer(from_json::<stack::Told>(payload)?.answer()?),
            kind::SIGHTED => from_json::<segment::Sighted<'_>>(payload)?.entry()?,
            kind::DEVICE => from_json::<segment::Device<'_>>(payload)?.entry()?,
            kind::TRANSLATED => from_json::<segment::Translated>(payload)?.entry(),
            kind::KNOWN => Self::Known(from_json::<socket::Sockets>(payload)?.sockets()?),
            kind::ACCOUNT => {
                Self::Account(Box::new(from_json::<account::Account>(payload)?.account()))
            }
            _ => Self::End {
                how: from_json::<shape::End>(payload)?.how.into_owned(),
            },
        })
    }
}

fn json(out: &mut Vec<u8>, shape: &impl Serialize) -> io::Result<()> {
    Ok(serde_json::to_writer(out, shape)?)
}

fn from_json<T: DeserializeOwned>(payload: &[u8]) -> Result<T, serde_json::Error> {
    serde_json::from_slice(payload)
}
