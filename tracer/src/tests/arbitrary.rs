//! Strategies for property tests: any value of the model that a record can carry.
//!
//! The larger ones are boxed: unoptimised, their value trees would fill a test's stack.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    num::NonZeroU64,
};

use proptest::{collection, option, prelude::*, sample};

use crate::model::{
    cause::Cause,
    ending::{Act, Asked, Call, CloseCall, EndId, Ending, How, LetGo, Owner, Transition},
    flow::Flow,
    foreign::Foreign,
    holder::{Holder, Provenance},
    identity::{Container, PodUid, ProcessFacts, Runtime},
    observation::{HeldBack, Observation, Segment, SegmentFlags, What},
    process::{Actor, Comm, Confidence, Exit, Task},
    reason::Reason,
    segment::{Device, Direction, Headers, Passed},
    socket::{Condition, FileRefs, Keepalive, Socket, SocketId, Timers, Tries},
    state::TcpState,
    stray::{Stray, Why},
    time::MonoNs,
    wire::{CountedFrom, Sighting, WireSegment},
};

mod known;
pub(crate) mod stacks;

pub(crate) use known::known;

pub(crate) fn mono() -> impl Strategy<Value = MonoNs> {
    any::<u64>().prop_map(MonoNs)
}

pub(crate) fn state() -> impl Strategy<Value = TcpState> {
    (1_u32..=12).prop_map(|raw| TcpState::from_kernel(raw).unwrap())
}

fn address() -> impl Strategy<Value = IpAddr> {
    let v6 = any::<u128>().prop_map(|bits| Ipv6Addr::from(bits).to_canonical());
    prop_oneof![
        any::<u32>().prop_map(|bits| Ipv4Addr::from(bits).into()),
        v6
    ]
}

fn end() -> impl Strategy<Value = SocketAddr> {
    (address(), any::<u16>()).prop_map(|(address, port)| SocketAddr::new(address, port))
}

pub(crate) fn flow() -> BoxedStrategy<Flow> {
    (end(), end(), option::of(1_u32..))
        .prop_map(|(local, remote, netns)| Flow {
            local,
            remote,
            netns,
        })
        .boxed()
}

pub(crate) fn socket_id() -> impl Strategy<Value = SocketId> {
    (1_u64.., any::<u64>()).prop_map(|(address, cookie)| SocketId {
        address,
        cookie: NonZeroU64::new(cookie),
    })
}

pub(crate) fn uid() -> impl Strategy<Value = Option<u32>> {
    option::of(0..u32::MAX)
}

fn socket() -> BoxedStrategy<Socket> {
    (socket_id(), flow(), uid(), option::of(state()))
        .prop_map(|(id, flow, uid, state)| Socket {
            id,
            flow,
            uid,
            state,
        })
        .boxed()
}

pub(crate) fn condition() -> BoxedStrategy<Condition> {
    let linger = option::of(option::of(any::<u32>()));
    let keepalive = option::of(option::of(keepalive()));
    let flags = option::of((any::<bool>(), any::<bool>(), linger, keepalive));
    let receive = option::of((0..u32::MAX, any::<u32>(), any::<bool>()));
    let send = option::of(any::<(u32, u32, u32)>());
    let file = prop_oneof![
        Just(FileRefs::None),
        Just(FileRefs::Held),
        Just(FileRefs::Released)
    ];
    let rest = (
        option::of(any::<u16>().prop_map(u32::from)),
        option::of(0..=u32::MAX >> 3),
        option::of(any::<(u64, u64)>()),
        option::of(any::<(bool, bool)>()),
        option::of(file),
        option::of(1_u32..),
        timers(),
    );
    (receive, send, flags, rest)
        .prop_map(|(receive, send, flags, rest)| Condition {
            unread: receive.map(|it| it.0),
            unacked: send.map(|it| it.0),
            unsent: send.map(|it| it.1),
            write_seq: send.map(|it| it.2),
            rcv_nxt: receive.map(|it| it.1),
            dead: flags.map(|it| it.0),
            fin_received: flags.map(|it| it.1),
            fin_read: flags
                .zip(receive)
                .map(|(it, receive)| it.1 && receive.2 && receive.0 == 0),
            linger: flags.and_then(|it| it.2),
            err: rest.0,
            rtt_us: rest.1,
            bytes_acked: rest.2.map(|it| it.0),
            bytes_received: rest.2.map(|it| it.1),
            shutdown: rest.3,
            file: rest.4,
            inode: rest.5,
            backlog: None,
            timers: Timers {
                keepalive: flags.and_then(|it| it.3),
                ..rest.6
            },
        })
        .boxed()
}

fn keepalive() -> impl Strategy<Value = Keepalive> {
    any::<(u16, u16)>().prop_map(|(time_s, interval_s)| Keepalive { time_s, interval_s })
}

fn timers() -> impl Strategy<Value = Timers> {
    let number = || option::of(any::<u32>());
    let tries = any::<(u8, u8, u8)>().prop_map(|(retransmits, probes, probes_allowed)| Tries {
        retransmits,
        probes,
        probes_allowed,
    });
    (
        (number(), number(), number(), number()),
        option::of(tries),
        option::of(any::<i32>()),
        option::of(any::<bool>()),
        option::of(any::<bool>()),
        option::of(any::<bool>()),
    )
        .prop_map(
            |(numbers, tries, linger2, signed, mptcp, memory_pressure)| Timers {
                idle_ms: numbers.0,
                unacked_age_us: numbers.1,
                user_timeout_ms: numbers.2,
                window: numbers.3,
                tries,
                linger2,
                keepalive: None,
                memory_pressure,
                signed,
                mptcp,
            },
        )
}

pub(crate) fn comm() -> impl Strategy<Value = Comm> {
    prop_oneof![
        any::<[u8; 16]>(),
        "[a-z/:.-]{1,15}".prop_map(|name| {
            let mut bytes = [0; 16];
            bytes[..name.len()].copy_from_slice(name.as_bytes());
            bytes
        })
    ]
    .prop_map(Comm)
}

pub(crate) fn task() -> BoxedStrategy<Task> {
    let exit = prop_oneof![
        any::<u8>().prop_map(Exit::Status),
        (1_u8..128).prop_map(Exit::Signal)
    ];
    (
        any::<(u32, u32)>(),
        comm(),
        comm(),
        option::of(1_u64..),
        any::<u32>(),
        (option::of(1_u64..), option::of(exit)),
        any::<bool>(),
    )
        .prop_map(
            |((pid, tid), comm, leader, start_ns, uid, (goroutine, exit), executing)| Task {
                pid,
                tid,
                comm,
                process_comm: if leader.is_empty() { comm } else { leader },
                start_ns,
                uid,
                goroutine,
                exit,
                executing,
            },
        )
        .boxed()
}

pub(crate) fn foreign() -> impl Strategy<Value = Foreign> {
    collection::vec(any::<u8>(), 0..20).prop_map(|bytes| bytes.as_slice().into())
}

pub(crate) fn facts() -> BoxedStrategy<ProcessFacts> {
    let runtime = sample::select(vec![None, Some(Runtime::CriO), Some(Runtime::Lxc)]);
    let container = (foreign(), runtime).prop_map(|(id, runtime)| Container { id, runtime });
    (
        option::of(foreign()),
        option::of(collection::vec(foreign(), 0..4)),
        option::of(foreign()),
        option::of(container),
        option::of("[0-9a-f]{32}".prop_map(PodUid)),
        collection::vec(any::<u32>(), 0..4),
    )
        .prop_map(
            |(exe, cmdline, cgroup, container, pod, namespace_pids)| ProcessFacts {
                exe,
                cmdline,
                cgroup,
                container,
                pod,
                namespace_pids,
            },
        )
        .boxed()
}

pub(crate) fn actor() -> impl Strategy<Value = Actor> {
    prop_oneof![
        task().prop_map(Actor::Task),
        task().prop_map(Actor::KernelThread),
        actor_without_task(),
    ]
}

fn actor_without_task() -> impl Strategy<Value = Actor> {
    prop_oneof![Just(Actor::Softirq), Just(Actor::Unknown)]
}

pub(crate) fn segment() -> impl Strategy<Value = Segment> {
    any::<(u32, u32, u8)>().prop_map(|(seq, ack, flags)| Segment {
        seq,
        ack,
        flags: SegmentFlags(flags),
    })
}

pub(crate) fn reason_code() -> impl Strategy<Value = Option<u32>> {
    option::of(0..u32::MAX)
}

fn held_back() -> impl Strategy<Value = HeldBack> {
    let time = || option::of((1_u64..).prop_map(MonoNs));
    (time(), time()).prop_map(|(fin_received, rst_received)| HeldBack {
        fin_received,
        rst_received,
    })
}

/// Records that say who was running.
fn task_records() -> BoxedStrategy<(Actor, What)> {
    let on_socket = (socket(), condition());
    let what = prop_oneof![
        on_socket.prop_map(|(socket, condition)| What::CloseCalled { socket, condition }),
        (socket(), condition(), any::<(bool, bool)>()).prop_map(
            |(socket, condition, (send, receive))| What::ShutdownCalled {
                socket,
                condition,
                send,
                receive,
            }
        ),
        (socket(), condition(), reason_code()).prop_map(|(socket, condition, reason)| {
            What::RstSent {
                socket,
                condition,
                reason,
            }
        }),
        (socket(), condition(), held_back(), state(), state()).prop_map(
            |(socket, condition, held_back, from, to)| What::StateChanged {
                socket,
                condition,
                held_back,
                from,
                to,
            }
        ),
        (socket_id(), option::of(1_u32..))
            .prop_map(|(socket, inode)| What::Accepted { socket, inode }),
        socket().prop_map(|socket| What::CloseAsked { socket }),
        (socket(), option::of(1_u32..), any::<u32>()).prop_map(|(socket, inode, references)| {
            What::HeldOpen {
                socket,
                inode,
                references,
            }
        }),
        (socket(), condition(), held_back()).prop_map(|(socket, condition, held_back)| {
            What::Destroyed {
                socket,
                condition,
                held_back,
            }
        }),
    ];
    (actor(), what).boxed()
}

/// Records that do not say who was running.
fn bare_records() -> BoxedStrategy<(Actor, What)> {
    let what = prop_oneof![
        (socket(), option::of(1_u32..), option::of(1_u32..)).prop_map(|(socket, seq, unsent)| {
            What::FinQueued {
                socket,
                seq,
                unsent,
            }
        }),
        (
            flow(),
            option::of(socket_id()),
            option::of(state()),
            (condition(), option::of(any::<(u32, u32)>())),
            segment(),
            reason_code()
        )
            .prop_map(
                |(flow, socket, state, (condition, backlog), provoked_by, reason)| {
                    What::RstAnswered {
                        flow,
                        socket,
                        state,
                        condition: Condition {
                            backlog,
                            ..condition
                        },
                        provoked_by,
                        reason,
                    }
                }
            ),
        (socket(), condition())
            .prop_map(|(socket, condition)| What::RstReceived { socket, condition }),
        (socket(), any::<u32>()).prop_map(|(socket, seq)| What::FinRetransmitted { socket, seq }),
        (socket_id(), socket_id()).prop_map(|(socket, listener)| What::Queued { socket, listener }),
        passed().prop_map(What::SegmentSeen),
    ];
    let bare = (actor_without_task(), what);
    prop_oneof![9 => bare, 1 => stacks::record()].boxed()
}

fn passed() -> impl Strategy<Value = Passed> {
    let name = option::of(collection::vec(1_u8.., 1..16));
    let place = (any::<u32>(), name, way(), option::of(0..0x1000_u16));
    let said = (segment(), any::<(u32, u16)>());
    (flow(), any::<u64>(), place, said).prop_map(|(flow, cookie, place, said)| {
        let (device, name, direction, vlan) = place;
        let (Segment { seq, ack, flags }, (payload_bytes, window)) = said;
        Passed {
            flow,
            cookie: NonZeroU64::new(cookie),
            device,
            name: name.map(|name| Foreign::from(&*name)),
            direction,
            vlan,
            seq,
            ack,
            flags,
            payload_bytes,
            window,
        }
    })
}

/// Records about a process, which the record names whether it acted or not.
fn process_records() -> BoxedStrategy<(Actor, What)> {
    (task(), 0..4_u8, 0..3_u8, any::<(u32, u32)>())
        .prop_map(|(task, actor, what, (child_pid, child_tid))| {
            let actor = match actor {
                0 => Actor::Task(task),
                1 => Actor::KernelThread(task),
                2 => Actor::Softirq,
                _ => Actor::Unknown,
            };
            let what = match what {
                0 => What::ProcessExited { task },
                1 => What::ProcessExeced { task },
                _ => What::ProcessForked {
                    parent: task,
                    child_pid,
                    child_tid,
                },
            };
            (actor, what)
        })
        .boxed()
}

/// Any observation a record can carry.
pub(crate) fn observation() -> impl Strategy<Value = Observation> {
    let record = prop_oneof![task_records(), bare_records(), process_records()];
    (mono(), any::<u16>(), any::<u64>(), record).prop_map(|(at, cpu, seq, (actor, what))| {
        Observation {
            at,
            cpu,
            seq,
            actor,
            what,
        }
    })
}

pub(crate) fn act() -> BoxedStrategy<Act> {
    let hows = [
        How::FinSent,
        How::FinReceived,
        How::RstSent,
        How::RstReceived,
        How::Timeout,
        How::Destroyed,
        How::HeldOpen,
    ];
    let call = sample::select(vec![Call::Close, Call::Shutdown]);
    let reason = (any::<u32>(), option::of("[A-Z_\"\\\\]{1,30}")).prop_map(|(code, name)| Reason {
        code,
        name: name.map(Into::into),
    });
    let known = (
        option::of(reason),
        option::of(state()),
        option::of(segment()),
        option::of(any::<u32>()),
        option::of(call),
    );
    let judged = (
        sample::select(hows.to_vec()),
        actor(),
        sample::select(Cause::ALL.to_vec()),
        confidence(),
    );
    (mono(), judged, condition(), known)
        .prop_map(
            |(at, (how, actor, cause, confidence), condition, known)| Act {
                at,
                how,
                actor,
                cause,
                confidence,
                reason: known.0,
                state: known.1,
                condition,
                provoked_by: known.2,
                seq: known.3,
                call: known.4,
                stack: None,
            },
        )
        .boxed()
}

fn confidence() -> impl Strategy<Value = Confidence> {
    sample::select(vec![
        Confidence::Unknown,
        Confidence::Likely,
        Confidence::Exact,
    ])
}

fn asked() -> impl Strategy<Value = Asked> {
    (mono(), task()).prop_map(|(at, task)| Asked {
        at,
        task,
        stack: None,
    })
}

/// Any ending with at least one act.
pub(crate) fn ending() -> BoxedStrategy<Ending> {
    let owner = (task(), confidence(), provenance()).prop_map(|(task, confidence, from)| Owner {
        task,
        confidence,
        from,
    });
    let let_go = (mono(), task(), any::<u32>()).prop_map(|(at, task, references)| LetGo {
        at,
        task,
        references,
    });
    let transition =
        (mono(), state(), state()).prop_map(|(at, from, to)| Transition { at, from, to });
    let close_called = (mono(), any::<bool>()).prop_map(|(at, seen)| CloseCall { at, seen });
    let identity = (
        option::of(socket_id()),
        mono(),
        flow(),
        option::of(owner),
        uid(),
        option::of(collection::vec(holder(), 0..3)),
        option::of(let_go),
        option::of(end_id()),
    );
    let story = (
        collection::vec(act(), 1..4),
        collection::vec(transition, 0..4),
        option::of(close_called),
        any::<u32>(),
        option::of(mono()),
        condition(),
        option::of(collection::vec(wire_segment(), 0..3)),
        option::of(asked()),
    );
    (identity, story)
        .prop_map(|(identity, story)| Ending {
            socket: identity.0,
            first_seen: identity.1,
            flow: identity.2,
            owner: identity.3,
            uid: identity.4,
            holders: identity.5,
            look: None,
            let_go: identity.6,
            asked: story.7,
            after: identity.7,
            former: None,
            not_by_tcp: None,
            until: identity.1,
            acts: story.0,
            states: story.1,
            close_called: story.2,
            fin_retransmits: story.3,
            destroyed: story.4,
            condition: story.5,
            peer: None,
            segments: story.6,
        })
        .boxed()
}

fn way() -> impl Strategy<Value = Direction> {
    sample::select(vec![
        Direction::Transmitted,
        Direction::Received,
        Direction::Unknown,
    ])
}

pub(crate) fn sighting() -> impl Strategy<Value = Sighting> {
    let device = prop_oneof![
        any::<u32>().prop_map(Device::Index),
        any::<u32>().prop_map(Device::Interface)
    ];
    let seen = crate::record::tests::seen();
    let place = (option::of(0..3_u32), option::of((end(), end())));
    let time = (mono(), option::of(any::<u64>()));
    (time, place, device, way(), seen).prop_map(|(time, place, device, direction, seen)| Sighting {
        at: time.0,
        error_ns: time.1,
        captured: seen.at,
        netns: place.0,
        tuple: place.1,
        device,
        direction,
        vlan: seen.vlan,
        headers: seen.headers,
    })
}

/// A segment that no ending tells.
pub(crate) fn stray() -> impl Strategy<Value = Stray> {
    let ends = (end(), end(), any::<(u32, u32, u32, u8)>());
    let why = sample::select(Why::ALL.to_vec());
    (ends, why, collection::vec(sighting(), 0..3)).prop_map(|(ends, why, sightings)| {
        let (source, destination, (seq, ack, payload_bytes, flags)) = ends;
        Stray {
            headers: Headers {
                source,
                destination,
                seq,
                ack,
                flags: SegmentFlags(flags),
                payload_bytes,
                window: 0,
                timestamps: None,
            },
            sightings,
            why,
        }
    })
}

fn wire_segment() -> impl Strategy<Value = WireSegment> {
    (
        any::<(bool, u8, u32, u32, u32, u32)>(),
        (option::of(mono()), option::of(counted_from())),
        collection::vec(sighting(), 0..3),
        collection::vec(sighting(), 0..2),
    )
        .prop_map(
            |(said, (kernel, counted_from), sightings, again)| WireSegment {
                sent: said.0,
                flags: SegmentFlags(said.1),
                seq: said.2,
                ack: said.3,
                payload_bytes: said.4,
                kernel,
                counted_from,
                sightings,
                retransmits: said.5,
                again,
            },
        )
}

fn counted_from() -> impl Strategy<Value = CountedFrom> {
    prop_oneof![
        mono().prop_map(CountedFrom::Act),
        mono().prop_map(CountedFrom::Closing)
    ]
}

fn provenance() -> impl Strategy<Value = Provenance> {
    sample::select(vec![
        Provenance::Acted,
        Provenance::Connected,
        Provenance::Accepted,
        Provenance::Listener,
        Provenance::Before,
        Provenance::SockDiag,
        Provenance::Procfs,
    ])
}

fn holder() -> impl Strategy<Value = Holder> {
    (task(), option::of(any::<u32>()), provenance()).prop_map(|(task, fd, from)| Holder {
        pid: task.pid,
        fd,
        comm: task.comm,
        uid: task.uid,
        start_ns: task.start_ns,
        from,
    })
}

fn end_id() -> impl Strategy<Value = EndId> {
    (option::of(socket_id()), flow(), mono()).prop_map(|(socket, flow, first_seen)| EndId {
        socket,
        flow,
        first_seen,
    })
}
