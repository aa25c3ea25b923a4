//! The list of scenes, one row each; what a row names is defined in the file of its family.

mod causes;
mod ownership;

use super::{
    Role, Scene,
    Stage::{self, Closed, Ipv4, Ipv6, Mapped},
    crossing, exits, graceful, near_miss,
    part::Part,
    reset, shared,
    truth::{Expected, Truth},
};

/// One row: name and title, stage, server and client, what must be seen.
const fn row(
    (name, title): (&'static str, &'static str),
    stage: Stage,
    (server, client): (Role, Role),
    expect: fn(&Truth) -> Vec<Expected>,
) -> Scene {
    Scene {
        name,
        title,
        stage,
        server,
        client,
        expect,
    }
}

/// Every scene, in the order they are played.
pub(crate) fn scenes() -> impl Iterator<Item = &'static Scene> {
    let endings = ENDINGS.iter();
    endings.chain(ownership::SCENES).chain(causes::SCENES)
}

/// The scenes about how connections end.
const ENDINGS: &[Scene] = &[
    row(
        (
            "client_closes_first",
            "The client closes, the server answers in order",
        ),
        Ipv4,
        (graceful::hear_out, graceful::say_and_close),
        graceful::client_first,
    ),
    row(
        (
            "server_closes_first",
            "The server closes, the client answers in order",
        ),
        Ipv4,
        (graceful::serve_and_close, Part::read_then_close),
        graceful::server_first,
    ),
    row(
        (
            "half_close",
            "The client shuts its sending side and reads on",
        ),
        Ipv4,
        (graceful::answer, graceful::ask_and_finish),
        graceful::half_close,
    ),
    row(
        (
            "shutdown_both",
            "The client shuts both directions, then closes",
        ),
        Ipv4,
        (graceful::hear_out_and_cue, graceful::shut_both),
        graceful::shut_both_expected,
    ),
    row(
        (
            "simultaneous_close",
            "Both close before they see the other's FIN",
        ),
        Ipv4,
        (crossing::close_deaf, crossing::close_unheard),
        crossing::expected,
    ),
    row(
        (
            "slow_reaction",
            "The server keeps a finished connection for 150 ms",
        ),
        Ipv4,
        (graceful::react_slowly, graceful::say_and_close),
        graceful::slow_reaction,
    ),
    row(
        ("ipv6", "A graceful close over IPv6"),
        Ipv6,
        (graceful::hear_out, graceful::say_and_close),
        graceful::client_first,
    ),
    row(
        ("v4_mapped", "An IPv6 socket speaking IPv4"),
        Mapped,
        (graceful::hear_out, graceful::say_and_close),
        graceful::client_first,
    ),
    row(
        ("unread_data", "The server closes with data unread"),
        Ipv4,
        (reset::close_unread, reset::send_and_be_reset),
        reset::unread_data,
    ),
    row(
        ("linger_zero", "The client closes with SO_LINGER {1, 0}"),
        Ipv4,
        (reset::be_reset, reset::close_hard),
        reset::linger_zero,
    ),
    row(
        (
            "peer_reset",
            "The client resets, the server still holds its socket",
        ),
        Ipv4,
        (reset::be_reset_and_hold, reset::close_hard),
        reset::linger_zero,
    ),
    row(
        ("refused", "The client connects to a port nobody listens on"),
        Closed,
        (reset::listen_to_nobody, reset::be_refused),
        reset::refused,
    ),
    row(
        (
            "exit_open",
            "The server exits with status 3 and closes nothing",
        ),
        Ipv4,
        (exits::exit_open, Part::read_then_close),
        exits::exited,
    ),
    row(
        ("killed", "The server is killed by SIGKILL"),
        Ipv4,
        (exits::hold, exits::kill),
        exits::killed,
    ),
    row(
        ("killed_unread", "The server is killed with data unread"),
        Ipv4,
        (exits::hold_unread, exits::send_and_kill),
        exits::killed_unread,
    ),
    row(
        (
            "threads",
            "Four threads of the server close a connection each",
        ),
        Ipv4,
        (shared::close_in_threads, shared::connect_many),
        graceful::server_first,
    ),
    row(
        (
            "last_closer",
            "The server closes a copy, its child closes the last",
        ),
        Ipv4,
        (shared::close_twice, Part::read_then_close),
        shared::last_closer,
    ),
    row(
        (
            "child_exits_later",
            "A child closes in order, then exits with status 3",
        ),
        Ipv4,
        (shared::child_closes_and_exits, Part::read_then_close),
        shared::last_closer,
    ),
    row(
        (
            "linger_acknowledged",
            "A close with SO_LINGER {1, 5} and nothing to wait for",
        ),
        Ipv4,
        (graceful::hear_out, near_miss::linger_acknowledged),
        graceful::client_first,
    ),
    row(
        (
            "linger_unread",
            "A close with SO_LINGER {1, 0} and data unread",
        ),
        Ipv4,
        (near_miss::linger_unread, reset::send_and_be_reset),
        reset::unread_data,
    ),
    row(
        (
            "read_before_close",
            "The server reads what was unread, then closes",
        ),
        Ipv4,
        (near_miss::read_late, near_miss::send_and_read),
        graceful::server_first,
    ),
    row(
        (
            "disconnect",
            "SO_LINGER {1, 0}, but connect(AF_UNSPEC) resets",
        ),
        Ipv4,
        (reset::be_reset, near_miss::disconnect),
        near_miss::disconnected,
    ),
    row(
        ("stray_ack", "A bare ACK reaches a port nobody has"),
        Closed,
        (reset::listen_to_nobody, near_miss::stray_ack),
        near_miss::answered_stray,
    ),
    row(
        (
            "shutdown_read",
            "The client shuts its receiving side, then closes",
        ),
        Ipv4,
        (graceful::hear_out, near_miss::shut_read),
        graceful::client_first,
    ),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// The cells of each row of docs/causes.md.
    fn documented() -> Vec<Vec<&'static str>> {
        include_str!("../../../docs/causes.md")
            .lines()
            .filter(|line| line.starts_with("| ") && !line.starts_with("| cause"))
            .map(|line| line.split('|').map(str::trim).collect())
            .collect()
    }

    #[test]
    fn every_cause_has_a_row_with_scenes_that_exist_or_says_why_there_is_none() {
        let catalogue = include_str!("../../../tracer/src/model/cause.rs");
        let codes = catalogue
            .lines()
            .filter_map(|line| line.trim().strip_suffix("\";"));
        let codes: Vec<_> = codes.filter_map(|line| line.split_once(" = \"")).collect();
        let rows = documented();
        assert_eq!(rows.len(), codes.len());
        let exists = |name: &str| scenes().any(|scene| scene.name == name);
        for (row, (_, code)) in rows.iter().zip(codes) {
            let [_, cause, _, fires, near, _] = row.as_slice() else {
                panic!("another number of cells: {row:?}");
            };
            assert_eq!(*cause, code);
            assert!(fires.starts_with("– ") || exists(fires), "{code}: {fires}");
            assert!(exists(near), "{code}: {near}");
            assert_ne!(fires, near, "{code}");
        }
    }

    #[test]
    fn every_scene_has_a_name_of_its_own() {
        let names: BTreeSet<_> = scenes().map(|scene| scene.name).collect();
        assert_eq!(names.len(), scenes().count());
    }
}
