//! What a look shows to people and to programs.

use serde_json::Value;

use super::*;
use crate::{
    leaks::{Looks, ports::ports},
    model::{
        holder::{Holder, Provenance},
        known::KnownSocket,
        process::Comm,
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

/// Two looks a minute apart.
fn told(write: impl Fn(&Report<'_>, &mut Vec<u8>)) -> String {
    let mut looks = Looks::new(60_000_000_000);
    let (then, now) = (MonoNs(0), MonoNs(60_000_000_000));
    let first = looks.take(&sockets(3), then);
    let second = looks.take(&sockets(7), now);
    let ports = ports(&sockets(7), &(32_768..=60_999));
    let mut out = Vec::new();
    for (at, found, before) in [(then, &first, None), (now, &second, Some(&first))] {
        let growth = before.map(|before| Growth {
            before,
            elapsed_ns: now.since(then),
        });
        let report = Report {
            at,
            found,
            growth,
            ports: Some(&ports),
        };
        write(&report, &mut out);
    }
    String::from_utf8(out).unwrap()
}

#[test]
fn two_looks_look_like_this() {
    let clock = options().clock;
    insta::assert_snapshot!(told(|report, out| report
        .text(&clock, false, true, out)
        .unwrap()));
}

#[test]
fn every_line_for_programs_is_by_the_schema() {
    let clock = options().clock;
    let lines = told(|report, out| report.json(&clock, out).unwrap());
    for line in lines.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        assert_eq!(complaint(&line), None, "{line}");
    }
    insta::assert_snapshot!(lines);
}
