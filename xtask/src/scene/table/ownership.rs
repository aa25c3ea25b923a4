//! The rows about who owns a socket: many holders, many takers, and what is gone already.

use super::{
    super::{
        Scene,
        Stage::{Ipv4, Shared},
        graceful, holders, late, listeners,
        part::Part,
        passing, ring, twins, unaccepted,
    },
    row,
};

/// Every scene of the family, in the order they are played.
pub(super) const SCENES: &[Scene] = &[
    row(
        ("dup", "The server closes a duplicate, then the original"),
        Ipv4,
        (holders::duplicate, Part::read_then_close),
        holders::duplicated,
    ),
    row(
        (
            "child_closes_first",
            "The server's child closes a copy, the server the last",
        ),
        Ipv4,
        (holders::outlive_child, Part::read_then_close),
        holders::outlived,
    ),
    row(
        (
            "heirs_leave",
            "Children inherit the socket, one exits, one runs a program",
        ),
        Ipv4,
        (holders::close_after_heirs, Part::read_then_close),
        graceful::server_first,
    ),
    row(
        (
            "exec",
            "The server runs another program, close-on-exec closes",
        ),
        Ipv4,
        (holders::exec_open, Part::read_then_close),
        holders::exec_closed,
    ),
    row(
        (
            "passed",
            "The server passes its socket to another process, which closes it",
        ),
        Ipv4,
        (passing::pass_on, passing::read_after_change),
        passing::passed_on,
    ),
    row(
        (
            "passed_reset",
            "The client resets a socket that was passed to another process",
        ),
        Ipv4,
        (passing::pass_on_and_be_reset, passing::reset_after_change),
        passing::passed_on_and_reset,
    ),
    row(
        (
            "lost_in_flight",
            "The socket is closed while it is on its way to another process",
        ),
        Ipv4,
        (passing::lose_on_the_way, passing::read_to_end_and_cue),
        passing::lost,
    ),
    row(
        (
            "lost_in_circle",
            "The kernel finds the socket in a circle of unix sockets",
        ),
        Ipv4,
        (passing::lose_in_a_circle, passing::read_to_end_and_cue),
        passing::lost,
    ),
    row(
        ("io_uring", "The server closes by a request to io_uring"),
        Ipv4,
        (ring::close_by_ring, Part::read_then_close),
        graceful::server_first,
    ),
    row(
        ("prefork", "Workers share one listener, accept and close"),
        Ipv4,
        (listeners::prefork, listeners::visit_often),
        listeners::taken,
    ),
    row(
        ("reuseport", "Workers listen on one port, accept and close"),
        Shared,
        (listeners::share_port, listeners::visit_often),
        listeners::taken,
    ),
    row(
        (
            "reuseport_unaccepted",
            "Workers listen on one port, none accepts, the client resets",
        ),
        Shared,
        (listeners::share_port_in_vain, listeners::queue_up_and_reset),
        listeners::reset_in_vain,
    ),
    row(
        (
            "reuseport_killed",
            "Workers listen on one port, none accepts, all are killed",
        ),
        Shared,
        (
            listeners::share_port_and_die,
            listeners::queue_up_to_the_end,
        ),
        listeners::dead_in_vain,
    ),
    row(
        (
            "listener_closed",
            "The server closes its listener, a connection waits there",
        ),
        Ipv4,
        (listeners::close_listener, listeners::wait_in_vain),
        listeners::listener_closed,
    ),
    row(
        (
            "unaccepted_reset",
            "The client resets before the server has accepted",
        ),
        Ipv4,
        (unaccepted::accept_nobody, unaccepted::reset_unaccepted),
        unaccepted::expected,
    ),
    row(
        (
            "late_segment",
            "A segment comes for a connection that was reset before",
        ),
        Ipv4,
        (late::be_reset_and_stay, late::reset_and_be_haunted),
        late::haunted,
    ),
    row(
        (
            "pid_reuse",
            "Two clients, one after the other, with the same pid",
        ),
        Ipv4,
        (late::serve_two, late::connect_twice_as_one),
        late::same_pid,
    ),
    row(
        (
            "netns_twins",
            "The same addresses and ports in two network namespaces",
        ),
        Ipv4,
        (twins::serve_beside_twin, twins::connect_beside_twin),
        twins::beside_twins,
    ),
];
