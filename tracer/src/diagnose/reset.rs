//! What the rules for RSTs from a call share: whether an application's close sent it.

use crate::model::{
    ending::{Act, Call, Ending, How},
    process::Actor,
    socket::FileRefs,
    state::TcpState,
};

/// How an RST was sent, as far as a close could have sent it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ByClose {
    /// A task closed a connected socket, and every fact that could deny it was read.
    Proved,
    /// Nothing denies it, and a fact is missing.
    Possible,
    /// It was something else.
    No,
}

/// Judges whether a close of the last descriptor sent the RST.
///
/// `__tcp_close` (`net/ipv4/tcp.c`) sets `CLOSE` before it sends the RST, in the closing task, with
/// the file being released and the socket not yet an orphan. That excludes `tcp_abort` and the
/// keepalive timer (state still connected), `connect(AF_UNSPEC)` (file held), the children of a
/// closing listener (no file) and the orphan limit (`SOCK_DEAD`).
pub(super) fn by_close(ending: &Ending, act: &Act) -> ByClose {
    let task = matches!(act.actor, Actor::Task(_) | Actor::KernelThread(_));
    let sent = act.how == How::RstSent && act.provoked_by.is_none();
    if !(sent && task) || act.condition.dead == Some(true) {
        return ByClose::No;
    }
    let call_seen =
        act.call == Some(Call::Close) && ending.close_called.is_some_and(|call| call.seen);
    let released = match act.condition.file {
        Some(FileRefs::Held | FileRefs::None) if !call_seen => return ByClose::No,
        Some(_) => true,
        None => call_seen,
    };
    match act.state {
        Some(state) if !connected(state) || !closed_before(ending, act) => ByClose::No,
        Some(_) if released && act.condition.dead.is_some() => ByClose::Proved,
        // Without a state the transition to CLOSE was lost: the RST found it there.
        Some(_) | None => ByClose::Possible,
    }
}

/// Whether a close in this state has a connection to abort.
pub(super) const fn connected(state: TcpState) -> bool {
    !matches!(
        state,
        TcpState::Close | TcpState::Listen | TcpState::SynSent | TcpState::TimeWait
    )
}

/// Whether the kernel's reason leaves the rule to the other facts.
pub(super) fn says_nothing(act: &Act) -> bool {
    act.reason
        .as_ref()
        .is_none_or(|reason| !reason.says_something())
}

/// Whether the socket had reached `CLOSE` when the RST was sent.
pub(super) fn closed_before(ending: &Ending, act: &Act) -> bool {
    ending
        .states
        .iter()
        .any(|state| state.to == TcpState::Close && state.at <= act.at)
}
