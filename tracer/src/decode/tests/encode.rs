//! The inverse of `decode`, for its tests: what a hook would have sent for an observation.

use std::{
    net::{IpAddr, SocketAddr},
    num::NonZeroU64,
};

use tracer_common::{
    event::{self as wire, SegmentSeen, context},
    flow as wire_flow,
    socket::{self as wire_socket, extra, file, known, sock_flag},
    task as wire_task,
};
use zerocopy::IntoBytes;

use super::super::*;
use crate::model::{
    flow::Flow,
    foreign::Foreign,
    process::{Exit, Task},
    segment::{Direction, Passed},
    socket::{Condition, FileRefs, Socket, SocketId, Timers},
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
        Kind::SegmentSeen => SegmentSeen::SIZE,
        Kind::Stack => wire::Stack::SIZE,
        Kind::CloseAsked => CloseAsked::SIZE,
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
        | What::SegmentSeen(_)
        | What::Stack(_)
        | What::CloseAsked { .. }
        | What::Destroyed { .. } => acted,
    };
    let exiting = running.is_some_and(|task| task.exit.is_some());
    let executing = running.is_some_and(|task| task.executing);
    let kind = kind_of(&observation.what);
    let header = Header {
        at_ns: observation.at.0,
        seq: observation.seq,
        kind: kind.to_wire(),
        size: u16::try_from(size_of_kind(kind)).unwrap(),
        cpu: observation.cpu,
        context: bits
            | if exiting { context::EXITING } else { 0 }
            | if executing { context::EXECUTING } else { 0 },
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
            condition,
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
            condition: wire_socket::Condition {
                known: raw_condition(condition).known
                    | if condition.backlog.is_some() {
                        known::BACKLOG
                    } else {
                        0
                    },
                ..raw_condition(condition)
            },
            reason: reason.unwrap_or(RstAnswered::NO_REASON),
            backlog: condition.backlog.map_or(0, |it| it.0),
            max_backlog: condition.backlog.map_or(0, |it| it.1),
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
        What::SegmentSeen(passed) => raw_passed(header, passed).as_bytes().to_vec(),
        What::Stack(taken) => stack::record(taken, header),
        What::CloseAsked { socket } => CloseAsked {
            header,
            task,
            socket: raw_socket(socket),
        }
        .as_bytes()
        .to_vec(),
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
        goroutine: task.goroutine.unwrap_or(0),
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

fn raw_passed(header: Header, passed: &Passed) -> SegmentSeen {
    let mut device = [0; 16];
    let name = passed.name.as_ref().map_or(&[][..], Foreign::bytes);
    device[..name.len()].copy_from_slice(name);
    let received = passed.direction == Direction::Received;
    SegmentSeen {
        header,
        flow: raw_flow(&if received {
            passed.flow.reversed()
        } else {
            passed.flow
        }),
        cookie: passed.cookie.map_or(0, NonZeroU64::get),
        device,
        index: passed.device,
        seq: passed.seq,
        ack: passed.ack,
        payload_bytes: passed.payload_bytes,
        window: passed.window,
        vlan: passed.vlan.map_or(0, |id| id | wire::vlan::TAGGED),
        flags: passed.flags.0,
        direction: match passed.direction {
            Direction::Transmitted => wire::direction::TRANSMITTED,
            Direction::Received => wire::direction::RECEIVED,
            Direction::Unknown => 0,
        },
        reserved: [0; 2],
    }
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
        (
            matches!(condition.timers.keepalive, Some(Some(_))),
            sock_flag::KEEPOPEN,
        ),
    ];
    let timers = timers_known(&condition.timers);
    let keepalive = condition.timers.keepalive.flatten().unwrap_or_default();
    let mask = |bits: &[(bool, u32)]| bits.iter().filter(|it| it.0).fold(0, |all, it| all | it.1);
    let (receive, send) = condition.shutdown.unwrap_or_default();
    wire_socket::Condition {
        known: mask(&bits) | mask(&timers),
        unread: condition.unread.map_or(0, |unread| {
            let waits = condition.fin_received == Some(true) && condition.fin_read != Some(true);
            unread + u32::from(waits)
        }),
        unacked: condition.unacked.unwrap_or(0),
        unsent: condition.unsent.unwrap_or(0),
        write_seq: condition.write_seq.unwrap_or(0),
        rcv_nxt: condition.rcv_nxt.unwrap_or(0),
        flags: flags.iter().filter(|it| it.0).fold(0, |all, it| all | it.1),
        keepalive_interval_s: keepalive.interval_s,
        lingertime: condition.linger.flatten().unwrap_or(0),
        err: u16::try_from(condition.err.unwrap_or(0)).unwrap(),
        keepalive_time_s: keepalive.time_s,
        srtt_us_8: condition.rtt_us.map_or(0, |rtt| (rtt << 3).max(1)),
        bytes_acked: condition.bytes_acked.unwrap_or(0),
        bytes_received: condition.bytes_received.unwrap_or(0),
        shutdown: u8::from(receive) | u8::from(send) << 1,
        file: match condition.file {
            None | Some(FileRefs::None) => file::NONE,
            Some(FileRefs::Held) => file::HELD,
            Some(FileRefs::Released) => file::RELEASED,
        },
        extra: mask_of(condition.timers.signed, extra::SIGNED)
            | mask_of(condition.timers.mptcp, extra::MPTCP)
            | mask_of(condition.timers.memory_pressure, extra::MEMORY_PRESSURE),
        reserved: 0,
        inode: condition.inode.unwrap_or(0),
        timers: raw_timers(&condition.timers),
    }
}

fn timers_known(timers: &Timers) -> [(bool, u32); 10] {
    [
        (timers.idle_ms.is_some(), known::IDLE),
        (timers.unacked_age_us.is_some(), known::UNACKED_AGE),
        (timers.user_timeout_ms.is_some(), known::USER_TIMEOUT),
        (timers.window.is_some(), known::WINDOW),
        (timers.tries.is_some(), known::TRIES),
        (timers.linger2.is_some(), known::LINGER2),
        (timers.keepalive.is_some(), known::KEEPALIVE),
        (timers.memory_pressure.is_some(), known::MEMORY_PRESSURE),
        (timers.signed.is_some(), known::SIGNED),
        (timers.mptcp.is_some(), known::MPTCP),
    ]
}

fn mask_of(bit: Option<bool>, mask: u8) -> u8 {
    if bit == Some(true) { mask } else { 0 }
}

fn raw_timers(timers: &Timers) -> wire_socket::Timers {
    let tries = timers.tries.unwrap_or_default();
    wire_socket::Timers {
        idle_ms: timers.idle_ms.unwrap_or(0),
        unacked_age_us: timers.unacked_age_us.unwrap_or(0),
        user_timeout_ms: timers.user_timeout_ms.unwrap_or(0),
        window: timers.window.unwrap_or(0),
        retransmits: tries.retransmits,
        probes_out: tries.probes,
        keepalive_probes: tries.probes_allowed,
        reserved: 0,
        linger2: timers.linger2.unwrap_or(0),
    }
}
