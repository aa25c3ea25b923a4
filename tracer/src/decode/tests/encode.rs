//! The inverse of `decode`, for its tests: what a hook would have sent for an observation.

use std::net::{IpAddr, SocketAddr};

use tracer_common::{
    event::{self as wire, context},
    flow as wire_flow,
    socket::{self as wire_socket, file, known, sock_flag},
    task as wire_task,
};
use zerocopy::IntoBytes;

use super::super::*;
use crate::model::{
    flow::Flow,
    process::{Exit, Task},
    socket::{Condition, FileRefs, Socket, SocketId},
};
use crate::tally::kind_of;

mod stack;

/// Bytes of a record of `kind`.
pub(super) fn size_of_kind(kind: Kind) -> usize {
    usize::from(match kind {
        Kind::CloseCalled => CloseCalled::SIZE,
        Kind::ShutdownCalled => ShutdownCalled::SIZE,
        Kind::FinQueued => FinQueued::SIZE,
        Kind::RstSent => RstSent::SIZE,
        Kind::RstAnswered => RstAnswered::SIZE,
        Kind::StateChanged => StateChanged::SIZE,
        Kind::RstReceived => RstReceived::SIZE,
        Kind::FinRetransmitted => FinRetransmitted::SIZE,
        Kind::Destroyed => Destroyed::SIZE,
        Kind::ProcessExited => ProcessExited::SIZE,
        Kind::ProcessExeced => ProcessExeced::SIZE,
        Kind::ProcessForked => ProcessForked::SIZE,
        Kind::Accepted => Accepted::SIZE,
        Kind::HeldOpen => HeldOpen::SIZE,
        Kind::Queued => Queued::SIZE,
        Kind::Stack => wire::Stack::SIZE,
    })
}

/// The record a hook would have sent.
pub(crate) fn encode(observation: &Observation) -> Vec<u8> {
    let (acted, bits) = match &observation.actor {
        Actor::Task(task) => (Some(*task), context::TASK),
        Actor::KernelThread(task) => (Some(*task), context::TASK | context::KTHREAD),
        Actor::Softirq => (None, context::SOFTIRQ),
        Actor::Unknown => (None, 0),
    };
    let running = match observation.what {
        What::ProcessExited { task } | What::ProcessExeced { task } => Some(task),
        What::ProcessForked { parent, .. } => Some(parent),
        What::CloseCalled { .. }
        | What::ShutdownCalled { .. }
        | What::FinQueued { .. }
        | What::RstSent { .. }
        | What::RstAnswered { .. }
        | What::StateChanged { .. }
        | What::RstReceived { .. }
        | What::FinRetransmitted { .. }
        | What::Accepted { .. }
        | What::HeldOpen { .. }
        | What::Queued { .. }
        | What::Stack(_)
        | What::Destroyed { .. } => acted,
    };
    let exiting = running.is_some_and(|task| task.exit.is_some());
    let kind = kind_of(&observation.what);
    let header = Header {
        at_ns: observation.at.0,
        seq: observation.seq,
        kind: kind.to_wire(),
        size: u16::try_from(size_of_kind(kind)).unwrap(),
        cpu: observation.cpu,
        context: bits | if exiting { context::EXITING } else { 0 },
        tgid: running.map_or(0, |task| task.pid),
        tid: running.map_or(0, |task| task.tid),
    };
    body(
        &observation.what,
        header,
        running.map_or_else(Default::default, |task| raw_task(&task)),
    )
}

#[expect(clippy::too_many_lines, reason = "one literal a kind")]
fn body(what: &What, header: Header, task: wire_task::Task) -> Vec<u8> {
    match what {
        What::CloseCalled { socket, condition } => CloseCalled {
            header,
            task,
            socket: raw_socket(socket),
            condition: raw_condition(condition),
        }
        .as_bytes()
        .to_vec(),
        What::ShutdownCalled {
            socket,
            condition,
            send,
            receive,
        } => ShutdownCalled {
            header,
            task,
            socket: raw_socket(socket),
            condition: raw_condition(condition),
            how: u32::from(*receive) | u32::from(*send) << 1,
            reserved: 0,
        }
        .as_bytes()
        .to_vec(),
        What::FinQueued {
            socket,
            seq,
            unsent,
        } => FinQueued {
            header,
            socket: raw_socket(socket),
            seq: seq.unwrap_or(0),
            unsent: unsent.unwrap_or(0),
        }
        .as_bytes()
        .to_vec(),
        What::RstSent {
            socket,
            condition,
            reason,
        } => RstSent {
            header,
            task,
            socket: raw_socket(socket),
            condition: raw_condition(condition),
            reason: reason.unwrap_or(RstSent::NO_REASON),
            reserved: 0,
        }
        .as_bytes()
        .to_vec(),
        What::RstAnswered {
            flow,
            socket,
            state,
            provoked_by,
            reason,
        } => RstAnswered {
            header,
            socket: answered(flow, *socket, *state),
            provoked_by: wire::Segment {
                seq: provoked_by.seq,
                ack: provoked_by.ack,
                flags: provoked_by.flags.0,
                reserved: [0; 7],
            },
            reason: reason.unwrap_or(RstAnswered::NO_REASON),
            reserved: 0,
        }
        .as_bytes()
        .to_vec(),
        What::StateChanged {
            socket,
            condition,
            held_back,
            from,
            to,
        } => StateChanged {
            header,
            task,
            socket: raw_socket(socket),
            condition: raw_condition(condition),
            held_back: raw_held_back(held_back),
            from: raw_state(Some(*from)),
            to: raw_state(Some(*to)),
        }
        .as_bytes()
        .to_vec(),
        What::RstReceived { socket, condition } => RstReceived {
            header,
            socket: raw_socket(socket),
            condition: raw_condition(condition),
        }
        .as_bytes()
        .to_vec(),
        What::FinRetransmitted { socket, seq } => FinRetransmitted {
            header,
            socket: raw_socket(socket),
            seq: *seq,
            reserved: 0,
        }
        .as_bytes()
        .to_vec(),
        What::Destroyed {
            socket,
            condition,
            held_back,
        } => Destroyed {
            header,
            task,
            socket: raw_socket(socket),
            condition: raw_condition(condition),
            held_back: raw_held_back(held_back),
        }
        .as_bytes()
        .to_vec(),
        What::Accepted { socket, inode } => Accepted {
            header,
            task,
            address: socket.address,
            cookie: cookie(*socket),
            inode: inode.unwrap_or(0),
            reserved: 0,
        }
        .as_bytes()
        .to_vec(),
        What::HeldOpen {
            socket,
            inode,
            references,
        } => HeldOpen {
            header,
            task,
            socket: raw_socket(socket),
            inode: inode.unwrap_or(0),
            references: *references,
        }
        .as_bytes()
        .to_vec(),
        What::Queued { socket, listener } => Queued {
            header,
            address: socket.address,
            cookie: cookie(*socket),
            listener_address: listener.address,
            listener_cookie: cookie(*listener),
        }
        .as_bytes()
        .to_vec(),
        What::Stack(taken) => stack::record(taken, header),
        What::ProcessExited { .. } => ProcessExited { header, task }.as_bytes().to_vec(),
        What::ProcessExeced { .. } => ProcessExeced { header, task }.as_bytes().to_vec(),
        What::ProcessForked {
            child_pid,
            child_tid,
            ..
        } => ProcessForked {
            header,
            task,
            child_tgid: *child_pid,
            child_tid: *child_tid,
        }
        .as_bytes()
        .to_vec(),
    }
}

fn raw_task(task: &Task) -> wire_task::Task {
    wire_task::Task {
        comm: task.comm.0,
        leader_comm: task.process_comm.0,
        start_ns: task.start_ns.unwrap_or(0),
        uid: task.uid,
        exit_code: match task.exit {
            None => 0,
            Some(Exit::Status(status)) => u32::from(status) << 8,
            Some(Exit::Signal(signal)) => u32::from(signal),
        },
    }
}

fn raw_state(state: Option<TcpState>) -> u32 {
    (1..=12)
        .find(|&raw| TcpState::from_kernel(raw) == state)
        .unwrap_or(0)
}

fn raw_flow(flow: &Flow) -> wire_flow::Flow {
    let address = |end: SocketAddr| match end.ip() {
        IpAddr::V4(address) => address.to_ipv6_mapped().octets(),
        IpAddr::V6(address) => address.octets(),
    };
    wire_flow::Flow {
        local: address(flow.local),
        remote: address(flow.remote),
        local_port: flow.local.port(),
        remote_port: flow.remote.port(),
        netns: flow.netns.unwrap_or(0),
    }
}

fn raw_socket(socket: &Socket) -> wire_socket::Socket {
    wire_socket::Socket {
        uid: socket.uid.unwrap_or(u32::MAX),
        ..answered(&socket.flow, Some(socket.id), socket.state)
    }
}

fn answered(flow: &Flow, id: Option<SocketId>, state: Option<TcpState>) -> wire_socket::Socket {
    wire_socket::Socket {
        flow: raw_flow(flow),
        address: id.map_or(0, |id| id.address),
        cookie: id.map_or(0, cookie),
        uid: 0,
        state: raw_state(state),
    }
}

fn cookie(id: SocketId) -> u64 {
    id.cookie.map_or(0, std::num::NonZero::get)
}

fn raw_held_back(held_back: &HeldBack) -> wire::HeldBack {
    wire::HeldBack {
        fin_received_ns: held_back.fin_received.map_or(0, |at| at.0),
        rst_received_ns: held_back.rst_received.map_or(0, |at| at.0),
    }
}

fn raw_condition(condition: &Condition) -> wire_socket::Condition {
    let bits = [
        (condition.unread.is_some(), known::RECEIVE),
        (condition.unacked.is_some(), known::SEND),
        (condition.dead.is_some(), known::FLAGS),
        (matches!(condition.linger, Some(Some(_))), known::LINGERTIME),
        (condition.err.is_some(), known::ERR),
        (condition.rtt_us.is_some(), known::SRTT),
        (condition.bytes_acked.is_some(), known::BYTES),
        (condition.shutdown.is_some(), known::SHUTDOWN),
        (condition.file.is_some(), known::FILE),
        (condition.inode.is_some(), known::INODE),
    ];
    // On for an unknown time: the flag is known, the time is not.
    let lingers = condition.dead.is_some() && condition.linger != Some(None);
    let flags = [
        (condition.dead == Some(true), sock_flag::DEAD),
        (condition.fin_received == Some(true), sock_flag::DONE),
        (lingers, sock_flag::LINGER),
    ];
    let mask = |bits: &[(bool, u32)]| bits.iter().filter(|it| it.0).fold(0, |all, it| all | it.1);
    let (receive, send) = condition.shutdown.unwrap_or_default();
    wire_socket::Condition {
        known: mask(&bits),
        unread: condition.unread.map_or(0, |unread| {
            unread + u32::from(condition.fin_received == Some(true))
        }),
        unacked: condition.unacked.unwrap_or(0),
        unsent: condition.unsent.unwrap_or(0),
        write_seq: condition.write_seq.unwrap_or(0),
        rcv_nxt: condition.rcv_nxt.unwrap_or(0),
        flags: mask(&flags),
        lingertime: condition.linger.flatten().unwrap_or(0),
        err: condition.err.unwrap_or(0),
        srtt_us_8: condition.rtt_us.map_or(0, |rtt| (rtt << 3).max(1)),
        bytes_acked: condition.bytes_acked.unwrap_or(0),
        bytes_received: condition.bytes_received.unwrap_or(0),
        shutdown: u8::from(receive) | u8::from(send) << 1,
        file: match condition.file {
            None | Some(FileRefs::None) => file::NONE,
            Some(FileRefs::Held) => file::HELD,
            Some(FileRefs::Released) => file::RELEASED,
        },
        reserved: [0; 2],
        inode: condition.inode.unwrap_or(0),
    }
}
