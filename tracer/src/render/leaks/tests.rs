//! What a look shows to people and to programs.

use std::sync::Arc;

use serde_json::Value;

use super::*;
use crate::{
    leaks::{How, Looks, Touch, ports::ports},
    model::{
        holder::{Holder, Provenance},
        known::KnownSocket,
        process::{Comm, Task},
        socket::SocketId,
        stack::{Absent, Addresses, Caller, Frame, Side, Stack, Taken},
        state::TcpState,
    },
    render::tests::{contract::complaint, options},
    tests::known,
};

fn sockets(leaked: u16) -> Vec<KnownSocket> {
    let holder = |pid, comm: &[u8; 16]| Holder {
        pid,
        start_ns: None,
        fd: Some(9),
        comm: Comm(*comm),
        uid: 0,
        from: Provenance::SockDiag,
    };
    let mut sockets: Vec<_> = (0..leaked)
        .map(|number| KnownSocket {
            holders: vec![holder(5, b"evil\n\x1b[2J\0\0\0\0\0\0\0")],
            in_state_ns: Some(u64::from(number) * 60_000_000_000),
            ..known(
                TcpState::CloseWait,
                ("10.0.0.1:80", &format!("10.0.0.2:{}", 40_000 + number)),
            )
        })
        .collect();
    sockets.push(known(TcpState::LastAck, ("10.0.0.1:80", "10.0.0.3:4000")));
    sockets.push(known(
        TcpState::TimeWait,
        ("10.0.0.1:40000", "10.0.0.3:5432"),
    ));
    sockets
}

/// A task that did something, by this code.
fn touch(how: How, names: &mut Names, function: &str, line: u32) -> Touch {
    let taken = Arc::new(Taken {
        socket: SocketId {
            address: 1,
            cookie: None,
        },
        of_seq: 0,
        caller: Caller::Task,
        pid: 5,
        tid: 6,
        start_ns: 1,
        mm: 2,
        kernel: Addresses::NotAsked,
        user: Addresses::Frames(vec![0x40_1000]),
        registers: Vec::new(),
        memory: Vec::new(),
    });
    let frame = Frame {
        address: 0x40_1000,
        function: Some(function.as_bytes().into()),
        file: Some(b"/src/serve.go"[..].into()),
        line: Some(line),
        module: Some(b"/srv/leaky"[..].into()),
        ..Frame::default()
    };
    let stack = Stack {
        kernel: Side::Absent(Absent::NotAsked),
        user: Side::Frames {
            frames: vec![frame],
            truncated: false,
        },
    };
    names.learn(Arc::clone(&taken), Some(stack));
    Touch {
        how,
        at: MonoNs(9),
        task: Task {
            pid: 5,
            tid: 6,
            comm: Comm(*b"evil\n\x1b[2J\0\0\0\0\0\0\0"),
            process_comm: Comm(*b"evil\n\x1b[2J\0\0\0\0\0\0\0"),
            start_ns: None,
            uid: 0,
            goroutine: Some(34),
            exit: None,
            executing: false,
        },
        stack: Some(taken),
    }
}

/// Two looks a minute apart; the code is known of the sockets of the second.
fn told(each: bool, write: impl Fn(&Report<'_>, &mut Vec<u8>)) -> String {
    let mut looks = Looks::new(60_000_000_000);
    let mut names = Names::default();
    let (then, now) = (MonoNs(0), MonoNs(60_000_000_000));
    let first = looks.take(&sockets(3), then, None);
    let mut second = looks.take(&sockets(7), now, None);
    for (number, leaked) in second.leaked.iter_mut().enumerate() {
        leaked.exact = number % 2 == 0;
        leaked.got = Some(touch(How::Accepted, &mut names, "main.serve", 20));
        if number < 2 {
            leaked.touched(touch(How::Sent, &mut names, "main.(*api).\x1bstatus", 41));
        }
    }
    let all = sockets(7);
    let ports = ports(all.iter(), &(32_768..=60_999), None);
    let mut out = Vec::new();
    let groups = [&first, &second].map(|found| Groups::of(&found.leaked, &names));
    let [earlier, later] = &groups;
    for (at, found, groups, before) in [
        (then, &first, earlier, None),
        (now, &second, later, Some(earlier)),
    ] {
        let growth = before.map(|before| Growth {
            before,
            elapsed_ns: now.since(then),
        });
        let report = Report {
            at,
            found,
            groups,
            names: &names,
            growth,
            ports: Some(&ports),
            each,
        };
        write(&report, &mut out);
    }
    String::from_utf8(out).unwrap()
}

#[test]
fn two_looks_look_like_this() {
    let clock = options().clock;
    insta::assert_snapshot!(told(false, |report, out| report
        .text(&clock, false, true, out)
        .unwrap()));
}

#[test]
fn each_socket_and_a_stack_look_like_this() {
    let clock = options().clock;
    insta::assert_snapshot!(told(true, |report, out| report
        .text(&clock, false, true, out)
        .unwrap()));
}

#[test]
fn every_line_for_programs_is_by_the_schema() {
    let clock = options().clock;
    let lines = told(true, |report, out| report.json(&clock, out).unwrap());
    for line in lines.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        assert_eq!(complaint(&line), None, "{line}");
    }
    insta::assert_snapshot!(lines);
}
