//! One ending a tracer must report, fact by fact.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use super::{Process, canonical};

/// On which kernels an ending can be seen at all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Seen {
    /// On every one.
    #[default]
    Always,
    /// Where resets without a socket reach a hook: by function hooks, or by the tracepoint since 6.10.
    WithAnsweringResets,
}

/// Where a tracer must know an owner; where it need not, none told is right as well.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Known {
    /// Everywhere.
    #[default]
    Always,
    /// Where functions can be hooked.
    ByFunctions,
    /// Nowhere.
    Perhaps,
}

/// How a process ended: one of the two is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Exit {
    /// With this status.
    pub(crate) status: Option<u32>,
    /// By this signal.
    pub(crate) signal: Option<u32>,
}

/// A descriptor that refers to a socket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Holder {
    /// The process it is of.
    pub(crate) process: Process,
    /// Its number.
    pub(crate) fd: u32,
}

/// One ending a tracer must report, exactly once.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a circumstance of its own"
)]
pub(crate) struct Expected {
    /// The end the ending is told from; port zero stands for any.
    pub(crate) local: SocketAddr,
    /// The other end, likewise.
    pub(crate) remote: SocketAddr,
    /// Who held the socket; `None` when no socket was involved.
    pub(crate) owner: Option<Process>,
    /// Whose call sent the FIN or RST; `None` when the kernel answered a segment by itself.
    pub(crate) actor: Option<Process>,
    /// The acts in order as `how/cause`. `!cause` is any other cause; a final `?` marks an act that
    /// a tracer may miss, because the kernel has no event for it.
    pub(crate) acts: Vec<String>,
    /// Who acted first; `None` when either answer is right.
    pub(crate) initiator: Option<String>,
    /// The kernel's reason for the RST, on kernels that give one.
    pub(crate) reason: Option<String>,
    /// What must be among the evidence, as `name=value`.
    pub(crate) evidence: Vec<String>,
    /// Where it can be seen.
    pub(crate) seen: Seen,
    /// The least time between the peer's FIN and ours, in milliseconds; zero when it does not matter.
    pub(crate) close_wait_ms: u64,
    /// Inode number of the network namespace; `None` for that of the scene.
    pub(crate) netns: Option<u32>,
    /// Which descriptors go on referring to the socket when this close ended nothing.
    pub(crate) holders: Option<Vec<Holder>>,
    /// Where a tracer must know the owner.
    pub(crate) known: Known,
    /// How the owner's process had ended by then; `None` when it does not matter.
    pub(crate) exit: Option<Exit>,
    /// The kernel may act for the actor, in a thread of its own.
    pub(crate) deferred: bool,
    /// It is the answer to a segment that came after the socket's own ending.
    pub(crate) late: bool,
    /// It is the answer to a segment for a socket that goes on.
    pub(crate) answer: bool,
    /// The RST among the acts answers a segment: the kernel sent it, not the actor.
    pub(crate) answered: bool,
}

impl Expected {
    /// An ending told from `local`, of a socket `owner` held and ended.
    pub(crate) fn of(local: SocketAddr, remote: SocketAddr, owner: &Process) -> Self {
        Self {
            local: canonical(local),
            remote: canonical(remote),
            owner: Some(owner.clone()),
            actor: Some(owner.clone()),
            acts: Vec::new(),
            initiator: None,
            reason: None,
            evidence: Vec::new(),
            seen: Seen::Always,
            close_wait_ms: 0,
            netns: None,
            holders: None,
            known: Known::Always,
            exit: None,
            deferred: false,
            late: false,
            answer: false,
            answered: false,
        }
    }

    /// We acted first, and these are the acts.
    pub(crate) fn began(self, acts: &[&str]) -> Self {
        self.acted(acts, Some("local"))
    }

    /// The peer acted first, and these are the acts.
    pub(crate) fn followed(self, acts: &[&str]) -> Self {
        self.acted(acts, Some("remote"))
    }

    /// These are the acts.
    pub(crate) fn acted(mut self, acts: &[&str], initiator: Option<&str>) -> Self {
        self.acts = acts.iter().map(|&act| act.to_owned()).collect();
        self.initiator = initiator.map(str::to_owned);
        self
    }

    /// The kernel gives this reason for the RST.
    pub(crate) fn because(mut self, reason: &str) -> Self {
        self.reason = Some(reason.to_owned());
        self
    }

    /// These facts are among the evidence.
    pub(crate) fn proved_by(mut self, evidence: &[&str]) -> Self {
        self.evidence = evidence.iter().map(|&fact| fact.to_owned()).collect();
        self
    }

    /// Somebody else held and ended it.
    pub(crate) fn by(mut self, owner: Process) -> Self {
        self.owner = Some(owner.clone());
        self.actor = Some(owner);
        self
    }

    /// The owner's process had ended with this status.
    pub(crate) fn exited(mut self, status: u32) -> Self {
        self.exit = Some(Exit {
            status: Some(status),
            signal: None,
        });
        self
    }

    /// The owner's process had been killed by SIGKILL.
    pub(crate) fn killed(mut self) -> Self {
        self.exit = Some(Exit {
            status: None,
            signal: Some(9),
        });
        self
    }

    /// The kernel answered a segment; no socket and no process was involved.
    pub(crate) fn by_kernel(mut self) -> Self {
        self.owner = None;
        self.actor = None;
        self.seen = Seen::WithAnsweringResets;
        self
    }

    /// This close ends nothing: these go on referring to the socket.
    pub(crate) fn held_by(self, holders: &[Holder]) -> Self {
        let mut held = self.acted(&["held_open/close_other_holders"], None);
        held.holders = Some(holders.to_vec());
        held
    }

    /// A tracer need not know the owner everywhere; a wrong one is wrong all the same.
    pub(crate) fn known(mut self, known: Known) -> Self {
        self.known = known;
        self
    }

    /// A timer of the kernel's acted, on behalf of nobody.
    pub(crate) fn by_timer(mut self) -> Self {
        self.actor = None;
        self
    }

    /// The decisive act is the kernel's answer to a segment for a socket that is still there; the
    /// others are the owner's.
    pub(crate) fn answered_by_kernel(mut self) -> Self {
        self.answered = true;
        self
    }

    /// The kernel answered a segment in the name of this process's socket, which goes on.
    pub(crate) fn answer(mut self) -> Self {
        self.actor = None;
        self.answer = true;
        self.known = Known::Perhaps;
        self.seen = Seen::WithAnsweringResets;
        self
    }

    /// The kernel answered a segment for a socket that is gone, which this process had owned.
    pub(crate) fn late_answer(mut self) -> Self {
        self.actor = None;
        self.late = true;
        self.seen = Seen::WithAnsweringResets;
        self.acted(&["rst_sent/stray_segment"], None)
            .because("NO_SOCKET")
    }

    /// The act the ending is told by: the first RST if there is one, else the timeout, else the first
    /// act.
    pub(crate) fn decisive(&self) -> Option<(&str, &str)> {
        let resets = |act: &&String| act.starts_with("rst_");
        let act = self
            .acts
            .iter()
            .find(resets)
            .or_else(|| self.acts.iter().find(|act| act.starts_with("timeout/")))
            .or_else(|| self.acts.first())?;
        act.trim_end_matches('?').split_once('/')
    }
}
