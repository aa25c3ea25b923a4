//! The rows about causes: each fires one, or has everything it needs but one thing.

use super::{
    super::{
        Scene,
        Stage::{Ipv4, Machine, Multipath, Private},
        afterwards, attempts, delays, forgotten, graceful, multipath, overflow,
        part::Part,
        reset, silence,
    },
    row,
};

/// Every scene of the family, in the order they are played.
pub(super) const SCENES: &[Scene] = &[
    row(
        (
            "data_after_shutdown",
            "The server shuts both directions, the client sends",
        ),
        Ipv4,
        (afterwards::shut_and_hold, afterwards::write_unaware),
        afterwards::reset_by_socket,
    ),
    row(
        (
            "data_after_close",
            "The server closes, the client sends without having looked",
        ),
        Ipv4,
        (afterwards::close_and_stay, afterwards::write_unaware),
        afterwards::reset_by_stand_in,
    ),
    row(
        (
            "time_wait_syn",
            "A SYN comes for a connection only this side has closed",
        ),
        Ipv4,
        (afterwards::use_port_again, afterwards::close_and_wait),
        afterwards::port_used_again,
    ),
    row(
        (
            "late_reaction",
            "The server keeps a finished connection for 1.2 s",
        ),
        Ipv4,
        (afterwards::react_late, graceful::say_and_close),
        afterwards::reacted_late,
    ),
    row(
        (
            "late_answer",
            "The server answers 1.2 s after the client's half close",
        ),
        Ipv4,
        (afterwards::answer_late, graceful::ask_and_finish),
        graceful::half_close,
    ),
    row(
        (
            "leak",
            "The server never closes a finished connection, and exits",
        ),
        Ipv4,
        (afterwards::leak_and_exit, graceful::say_and_close),
        afterwards::leaked,
    ),
    row(
        (
            "fin_wait2_stuck",
            "The client waits 1.2 s for the server's FIN, then closes",
        ),
        Ipv4,
        (afterwards::close_too_late, afterwards::give_up_waiting),
        afterwards::left_waiting,
    ),
    row(
        ("linger2_negative", "The client closes with TCP_LINGER2 -1"),
        Ipv4,
        (graceful::hear_out_and_wait, afterwards::never_wait),
        afterwards::not_waited_for,
    ),
    row(
        ("linger_wait", "The client's close waits for a deaf server"),
        Ipv4,
        (delays::go_deaf_for_a_while, delays::close_and_linger),
        delays::lingered,
    ),
    row(
        (
            "fin_behind_data",
            "The client closes with data the server has no room for",
        ),
        Ipv4,
        (delays::read_too_late, delays::close_behind_data),
        delays::delayed,
    ),
    row(
        ("idle_reset", "The client resets after 1.2 s of silence"),
        Ipv4,
        (reset::be_reset, afterwards::reset_after_idling),
        afterwards::reset_in_its_sleep,
    ),
    row(
        (
            "sock_destroy",
            "The client destroys the server's socket from outside",
        ),
        Ipv4,
        (afterwards::be_destroyed, afterwards::destroy_partners),
        afterwards::destroyed,
    ),
    row(
        ("repair", "The client closes a socket under repair"),
        Ipv4,
        (afterwards::be_left, afterwards::vanish),
        afterwards::vanished,
    ),
    row(
        (
            "keepalive",
            "The client's keepalive probes meet a deaf server",
        ),
        Ipv4,
        (silence::go_deaf, silence::keep_alive),
        silence::kept_in_vain,
    ),
    row(
        (
            "keepalive_answered",
            "The client's keepalive probes are answered",
        ),
        Ipv4,
        (graceful::hear_out, silence::keep_alive_answered),
        graceful::client_first,
    ),
    row(
        (
            "user_timeout_idle",
            "TCP_USER_TIMEOUT ends an idle connection",
        ),
        Ipv4,
        (silence::go_deaf, silence::keep_alive_limited),
        silence::limited_idle,
    ),
    row(
        (
            "user_timeout_data",
            "TCP_USER_TIMEOUT ends a connection with data under way",
        ),
        Ipv4,
        (silence::go_deaf, silence::send_limited),
        silence::limited_data,
    ),
    row(
        ("retransmissions", "The client's data is never acknowledged"),
        Private,
        (silence::go_deaf, silence::send_in_vain),
        silence::never_acknowledged,
    ),
    row(
        ("zero_window", "The server does not read, then goes deaf"),
        Private,
        (silence::go_deaf_when_full, silence::fill_window),
        silence::never_opened,
    ),
    row(
        ("orphan", "The client closes, and the server is deaf"),
        Private,
        (silence::go_deaf, silence::leave_orphan),
        silence::orphaned,
    ),
    row(
        (
            "orphan_too_many",
            "The same, when the machine is to have no orphans",
        ),
        Machine,
        (silence::go_deaf, silence::leave_orphan_too_many),
        silence::orphaned_too_many,
    ),
    row(
        (
            "memory_pressure",
            "The client closes with SO_LINGER {1, 0} when sockets have too much memory",
        ),
        Machine,
        (reset::be_reset_unread, reset::close_hard_under_pressure),
        reset::linger_zero_under_pressure,
    ),
    row(
        (
            "mptcp_unread",
            "Over Multipath TCP the client closes with data unread",
        ),
        Multipath,
        (multipath::send_and_wait, multipath::close_unread),
        multipath::closed_fast,
    ),
    row(
        (
            "mptcp_join_nothing",
            "A path is to be added to a connection that is not there",
        ),
        Multipath,
        (reset::listen_to_nobody, multipath::join_nothing),
        multipath::path_refused,
    ),
    row(
        ("connect_timeout", "The client connects to a deaf listener"),
        Ipv4,
        (attempts::listen_deaf, attempts::connect_in_vain),
        attempts::timed_out,
    ),
    row(
        (
            "connect_signed",
            "The client connects with a key the server has not",
        ),
        Ipv4,
        (Part::wait_twice, attempts::connect_signed),
        attempts::timed_out_signed,
    ),
    row(
        (
            "connect_unreachable",
            "The client is told that there is no such host",
        ),
        Ipv4,
        (attempts::listen_deaf, attempts::connect_nowhere),
        attempts::was_unreachable,
    ),
    row(
        (
            "wrong_ack",
            "The client's SYN is answered with a wrong acknowledgement",
        ),
        Ipv4,
        (attempts::listen_deaf, attempts::get_wrong_ack),
        attempts::wrong_ack,
    ),
    row(
        (
            "wrong_echo",
            "The client's SYN is answered with a wrong timestamp",
        ),
        Ipv4,
        (attempts::listen_deaf, attempts::get_wrong_echo),
        attempts::wrong_echo,
    ),
    row(
        (
            "queue_full",
            "A client completes its handshake when the queue is full",
        ),
        Private,
        (overflow::fill_up, overflow::come_too_late),
        overflow::refused,
    ),
    row(
        (
            "time_wait_full",
            "The client closes first, and there is no room for its TIME_WAIT",
        ),
        Private,
        (forgotten::close_when_gone, forgotten::close_without_room),
        forgotten::answered_for_nobody,
    ),
    row(
        (
            "stand_in_over",
            "The client closes first, and its kernel waits for the server for a second",
        ),
        Private,
        (
            forgotten::close_when_gone,
            forgotten::close_and_wait_a_second,
        ),
        forgotten::answered_in_vain,
    ),
];
