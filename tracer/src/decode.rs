//! Turns the bytes of one record into an [`Observation`]; total and pure.
//!
//! Nothing here trusts a record: length, kind and size are checked before a field is read, and no
//! input makes it panic.

use tracer_common::{
    event::{
        self as wire, Accepted, CloseAsked, CloseCalled, Destroyed, FinQueued, FinRetransmitted,
        Header, HeldOpen, Kind, ProcessExeced, ProcessExited, ProcessForked, Queued, Record,
        RstAnswered, RstReceived, RstSent, ShutdownCalled, StateChanged,
    },
    socket::known,
};
use zerocopy::FromBytes;

use crate::model::{
    observation::{HeldBack, Observation, Segment, SegmentFlags, What},
    process::Actor,
    socket::Condition,
    state::TcpState,
    time::MonoNs,
};

mod condition;
mod segment;
mod socket;
mod stack;
mod task;
#[cfg(test)]
pub(crate) mod tests;
pub mod touch;

use condition::condition;
use segment::passed;
use socket::{flow, named, socket, socket_id};
pub use stack::without_memory;
use task::{actor, actor_without_task, task};

/// Why a record could not be read; the caller counts it and goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// There are fewer bytes than a header has.
    #[error("a record of {len} bytes has no room for its header")]
    Truncated {
        /// Bytes there were.
        len: usize,
    },
    /// The header's size is not the number of bytes there are.
    #[error("a record of {len} bytes says it has {size}")]
    Size {
        /// What the header says.
        size: u16,
        /// Bytes there were.
        len: usize,
    },
    /// The header's kind is none this build knows.
    #[error("records of kind {kind} are unknown")]
    Kind {
        /// What the header says.
        kind: u16,
    },
    /// Records of this kind have another size.
    #[error("a record of kind {} has {expected} bytes, not {len}", kind.name())]
    Layout {
        /// What the header says.
        kind: Kind,
        /// Size of the kind's record.
        expected: u16,
        /// Bytes there were.
        len: usize,
    },
    /// A transition from or to a number that is no TCP state.
    #[error("{state} is no TCP state")]
    State {
        /// The number.
        state: u32,
    },
}

/// Reads one record.
///
/// `record` is exactly one record: what a buffer adds to align it is cut off before.
///
/// # Errors
/// [`DecodeError`] when the bytes are no record of this build; the caller counts it as undecodable
/// and goes on with the next one.
pub fn decode(record: &[u8]) -> Result<Observation, DecodeError> {
    let len = record.len();
    let Ok((header, _)) = Header::read_from_prefix(record) else {
        return Err(DecodeError::Truncated { len });
    };
    let size = header.size;
    if usize::from(size) != len {
        return Err(DecodeError::Size { size, len });
    }
    let kind = header.kind;
    let kind = Kind::from_wire(kind).ok_or(DecodeError::Kind { kind })?;
    let (actor, what) = match kind {
        Kind::CloseCalled => close_called(&read(record)?),
        Kind::ShutdownCalled => shutdown_called(&read(record)?),
        Kind::FinQueued => fin_queued(&read(record)?),
        Kind::RstSent => rst_sent(&read(record)?),
        Kind::RstAnswered => rst_answered(&read(record)?),
        Kind::StateChanged => state_changed(&read(record)?)?,
        Kind::RstReceived => rst_received(&read(record)?),
        Kind::FinRetransmitted => fin_retransmitted(&read(record)?),
        Kind::Destroyed => destroyed(&read(record)?),
        Kind::ProcessExited => process_exited(&read(record)?),
        Kind::ProcessExeced => process_execed(&read(record)?),
        Kind::ProcessForked => process_forked(&read(record)?),
        Kind::Accepted => accepted(&read(record)?),
        Kind::HeldOpen => held_open(&read(record)?),
        Kind::Queued => queued(&read(record)?),
        Kind::SegmentSeen => passed(&read(record)?),
        Kind::Stack => stack::stack(record)?,
        Kind::CloseAsked => close_asked(&read(record)?),
    };
    Ok(Observation {
        at: MonoNs(header.at_ns),
        cpu: header.cpu,
        seq: header.seq,
        actor,
        what,
    })
}

/// Copies the record out of its bytes, so that their alignment does not matter.
fn read<R: Record>(record: &[u8]) -> Result<R, DecodeError> {
    R::read_from_bytes(record).ok().ok_or(DecodeError::Layout {
        kind: R::KIND,
        expected: R::SIZE,
        len: record.len(),
    })
}

fn close_called(record: &CloseCalled) -> (Actor, What) {
    let what = What::CloseCalled {
        socket: socket(&record.socket),
        condition: condition(&record.condition),
    };
    (actor(&record.header, &record.task), what)
}

fn close_asked(record: &CloseAsked) -> (Actor, What) {
    let what = What::CloseAsked {
        socket: socket(&record.socket),
    };
    (actor(&record.header, &record.task), what)
}

fn shutdown_called(record: &ShutdownCalled) -> (Actor, What) {
    let what = What::ShutdownCalled {
        socket: socket(&record.socket),
        condition: condition(&record.condition),
        send: record.how & 2 != 0,
        receive: record.how & 1 != 0,
    };
    (actor(&record.header, &record.task), what)
}

/// The record has no bits for what was read: a zero may be a field that was not, so it is not told.
fn fin_queued(record: &FinQueued) -> (Actor, What) {
    let what = What::FinQueued {
        socket: socket(&record.socket),
        seq: non_zero(record.seq),
        unsent: non_zero(record.unsent),
    };
    (actor_without_task(&record.header), what)
}

fn rst_sent(record: &RstSent) -> (Actor, What) {
    let what = What::RstSent {
        socket: socket(&record.socket),
        condition: condition(&record.condition),
        reason: (record.reason != RstSent::NO_REASON).then_some(record.reason),
    };
    (actor(&record.header, &record.task), what)
}

fn rst_answered(record: &RstAnswered) -> (Actor, What) {
    let no_socket = record.socket.address == 0 && record.socket.cookie == 0;
    let what = What::RstAnswered {
        flow: flow(&record.socket.flow),
        socket: (!no_socket).then(|| socket_id(&record.socket)),
        state: TcpState::from_kernel(record.socket.state),
        condition: Condition {
            backlog: (record.condition.known & known::BACKLOG != 0)
                .then_some((record.backlog, record.max_backlog)),
            ..condition(&record.condition)
        },
        provoked_by: segment(record.provoked_by),
        reason: (record.reason != RstAnswered::NO_REASON).then_some(record.reason),
    };
    (actor_without_task(&record.header), what)
}

fn state_changed(record: &StateChanged) -> Result<(Actor, What), DecodeError> {
    let state = |state| TcpState::from_kernel(state).ok_or(DecodeError::State { state });
    let what = What::StateChanged {
        socket: socket(&record.socket),
        condition: condition(&record.condition),
        held_back: held_back(record.held_back),
        from: state(record.from)?,
        to: state(record.to)?,
    };
    Ok((actor(&record.header, &record.task), what))
}

fn rst_received(record: &RstReceived) -> (Actor, What) {
    let what = What::RstReceived {
        socket: socket(&record.socket),
        condition: condition(&record.condition),
    };
    (actor_without_task(&record.header), what)
}

fn fin_retransmitted(record: &FinRetransmitted) -> (Actor, What) {
    let what = What::FinRetransmitted {
        socket: socket(&record.socket),
        seq: record.seq,
    };
    (actor_without_task(&record.header), what)
}

fn destroyed(record: &Destroyed) -> (Actor, What) {
    let what = What::Destroyed {
        socket: socket(&record.socket),
        condition: condition(&record.condition),
        held_back: held_back(record.held_back),
    };
    (actor(&record.header, &record.task), what)
}

fn process_exited(record: &ProcessExited) -> (Actor, What) {
    let what = What::ProcessExited {
        task: task(&record.header, &record.task),
    };
    (actor(&record.header, &record.task), what)
}

fn process_execed(record: &ProcessExeced) -> (Actor, What) {
    let what = What::ProcessExeced {
        task: task(&record.header, &record.task),
    };
    (actor(&record.header, &record.task), what)
}

fn process_forked(record: &ProcessForked) -> (Actor, What) {
    let what = What::ProcessForked {
        parent: task(&record.header, &record.task),
        child_pid: record.child_tgid,
        child_tid: record.child_tid,
    };
    (actor(&record.header, &record.task), what)
}

fn accepted(record: &Accepted) -> (Actor, What) {
    let what = What::Accepted {
        socket: named(record.address, record.cookie),
        inode: non_zero(record.inode),
    };
    (actor(&record.header, &record.task), what)
}

fn held_open(record: &HeldOpen) -> (Actor, What) {
    let what = What::HeldOpen {
        socket: socket(&record.socket),
        inode: non_zero(record.inode),
        references: record.references,
    };
    (actor(&record.header, &record.task), what)
}

fn queued(record: &Queued) -> (Actor, What) {
    let what = What::Queued {
        socket: named(record.address, record.cookie),
        listener: named(record.listener_address, record.listener_cookie),
    };
    (actor_without_task(&record.header), what)
}

const fn segment(raw: wire::Segment) -> Segment {
    Segment {
        seq: raw.seq,
        ack: raw.ack,
        flags: SegmentFlags(raw.flags),
    }
}

fn held_back(raw: wire::HeldBack) -> HeldBack {
    let time = |ns: u64| (ns != 0).then_some(MonoNs(ns));
    HeldBack {
        fin_received: time(raw.fin_received_ns),
        rst_received: time(raw.rst_received_ns),
    }
}

fn non_zero(value: u32) -> Option<u32> {
    (value != 0).then_some(value)
}
