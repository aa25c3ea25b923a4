//! `finrst sockets`.

use std::{
    collections::HashMap,
    io::{self, Write},
    net::IpAddr,
    path::Path,
};

use anyhow::anyhow;
use jiff::tz::TimeZone;

use super::{output, select};
use crate::{
    cli::{Output, SocketFilters, Sockets},
    enrich::{
        clock,
        netns::{self, Names},
        scan::{self, Gap, Scan},
    },
    exit::{Exit, Failure},
    model::{foreign::Foreign, holder::Holder, known::KnownSocket},
    render::{sockets::Listing, time::WallClock},
};

const PROC: &str = "/proc";

pub(super) fn run(asked: &Sockets) -> Result<Exit, Failure> {
    let wanted = Wanted::new(&asked.filters)?;
    let mut sockets = look(asked.shown.quiet)?;
    sockets.retain(|socket| wanted.admits(socket));
    sockets.sort_by_key(|socket| {
        let flow = socket.flow;
        (flow.netns, flow.local, flow.remote, socket.inode)
    });
    let listing = Listing {
        at: clock::now(),
        sockets: &sockets,
        netns_names: &names(&sockets),
    };
    match print(asked, &listing) {
        Err(error) if !output::is_closed(&error) => Err(error.into()),
        _ => Ok(Exit::Ok),
    }
}

/// Every socket there is, as far as it can be seen; what cannot is said unless `quiet`.
///
/// # Errors
///
/// Nothing can be seen at all.
pub(super) fn look(quiet: bool) -> Result<Vec<KnownSocket>, Failure> {
    let Scan { sockets, gaps } = scan::scan(Path::new(PROC));
    let blind = |gap: &Gap| matches!(gap, Gap::Namespace { .. } | Gap::Proc(_));
    if sockets.is_empty() && gaps.iter().any(blind) {
        let gaps: Vec<_> = gaps.iter().map(ToString::to_string).collect();
        return Err(anyhow!("cannot list sockets: {}", gaps.join("; ")).into());
    }
    if !quiet {
        for gap in &gaps {
            output::say(format_args!("finrst: {gap}"));
        }
    }
    Ok(sockets)
}

fn print(asked: &Sockets, listing: &Listing<'_>) -> io::Result<()> {
    let mut out = output::stdout();
    match asked.shown.output {
        Output::Text => {
            let colour = output::coloured(asked.shown.color);
            listing.text(colour, !asked.shown.quiet, &mut out)?;
        }
        Output::Json => {
            let clock = WallClock::new(clock::sample().offset_ns, TimeZone::UTC);
            listing.json(&clock, &mut out)?;
        }
    }
    out.flush()
}

/// The names of the namespaces that sockets are in.
fn names(sockets: &[KnownSocket]) -> HashMap<u32, Foreign> {
    let names = Names::new(
        Path::new(netns::NAMES),
        &Path::new(PROC).join("self/ns/net"),
    );
    let inodes = sockets.iter().filter_map(|socket| socket.flow.netns);
    inodes
        .filter_map(|inode| Some((inode, names.of(inode)?.clone())))
        .collect()
}

/// Which sockets are shown: those every filter admits.
pub(super) struct Wanted<'a> {
    asked: &'a SocketFilters,
    uids: Vec<u32>,
    netns: Vec<u32>,
}

impl<'a> Wanted<'a> {
    /// # Errors
    ///
    /// A process, user or namespace that does not exist: exit code 2.
    pub(super) fn new(asked: &'a SocketFilters) -> Result<Self, Failure> {
        for &pid in &asked.pids {
            select::must_exist(pid)?;
        }
        Ok(Self {
            asked,
            uids: looked_up(&asked.ends.users, select::uid)?,
            netns: looked_up(&asked.ends.netns, select::namespace)?,
        })
    }

    pub(super) fn admits(&self, socket: &KnownSocket) -> bool {
        let Self { asked, uids, netns } = self;
        let flow = &socket.flow;
        let ends = [flow.local.ip(), flow.remote.ip()];
        let held = |by: &dyn Fn(&Holder) -> bool| socket.holders.iter().any(by);
        let ipv4 = ends.iter().any(IpAddr::is_ipv4);
        any(&asked.pids, |&pid| held(&|holder| holder.pid == pid))
            && any(&asked.comms, |comm| {
                held(&|holder| holder.comm.bytes() == comm.0.as_bytes())
            })
            && any(&asked.states, |&state| socket.state == state)
            && any(&asked.ends.local_ports, |&port| flow.local.port() == port)
            && any(&asked.ends.remote_ports, |&port| flow.remote.port() == port)
            && any(&asked.ends.nets, |net| {
                ends.iter().any(|end| net.contains(end))
            })
            && any(netns, |&netns| flow.netns == Some(netns))
            && any(uids, |&uid| socket.uid == Some(uid))
            && (!asked.ends.ipv4 || ipv4)
            && (!asked.ends.ipv6 || !ipv4)
    }
}

fn looked_up(
    typed: &[String],
    look_up: fn(&str) -> Result<u32, Failure>,
) -> Result<Vec<u32>, Failure> {
    typed.iter().map(|typed| look_up(typed)).collect()
}

/// Whether one of the wanted values fits; without a wish, everything does.
fn any<T>(wanted: &[T], fits: impl Fn(&T) -> bool) -> bool {
    wanted.is_empty() || wanted.iter().any(fits)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::{
        cli::{Cli, Verb},
        model::{flow::Flow, holder::Provenance, known::Origin, process::Comm, state::TcpState},
    };

    fn socket() -> KnownSocket {
        KnownSocket {
            cookie: None,
            flow: Flow {
                local: "10.0.0.1:80".parse().unwrap(),
                remote: "10.0.0.2:4000".parse().unwrap(),
                netns: Some(1),
            },
            state: TcpState::Established,
            in_state_ns: None,
            uid: Some(33),
            inode: None,
            receive_queue: 0,
            send_queue: Some(0),
            timer: None,
            traffic: None,
            origin: Origin::Procfs,
            holders: vec![Holder {
                pid: std::process::id(),
                start_ns: None,
                fd: Some(3),
                comm: Comm(*b"nginx\0\0\0\0\0\0\0\0\0\0\0"),
                uid: 33,
                from: Provenance::Procfs,
            }],
        }
    }

    fn admits(line: &str, socket: &KnownSocket) -> Result<bool, Failure> {
        let words = ["finrst", "sockets"]
            .into_iter()
            .chain(line.split_whitespace());
        let Verb::Sockets(asked) = Cli::try_parse_from(words).unwrap().verb else {
            panic!("another verb");
        };
        Ok(Wanted::new(&asked.filters)?.admits(socket))
    }

    #[test]
    fn every_filter_admits_its_own_and_refuses_others() {
        let socket = socket();
        let admits = |line: &str| admits(line, &socket).unwrap();
        let right = format!(
            "-p 1,{} --comm nginx --state established,close-wait --local-port 80 --remote-port 4000 \
             --net 10.0.0.2 --netns 1 -u 33 -4",
            std::process::id()
        );
        assert!(admits("") && admits(&right));
        for wrong in [
            "-p 1",
            "--comm ngin",
            "--state time-wait --state listen",
            "--local-port 4000",
            "--remote-port 80",
            "--net 10.0.0.4/30",
            "--netns 2",
            "-u 0",
            "-6",
        ] {
            assert!(!admits(wrong), "{wrong}");
        }
    }

    #[test]
    fn a_socket_of_nobody_is_not_roots() {
        let nobodys = KnownSocket {
            uid: None,
            ..socket()
        };
        assert!(!admits("-u 0", &nobodys).unwrap());
    }

    #[test]
    fn what_does_not_exist_is_a_mistake_in_the_command() {
        for wrong in [
            "-p 4294967295",
            "--netns no-such-namespace",
            "-u no-such-user",
        ] {
            assert_eq!(admits(wrong, &socket()).unwrap_err().exit, Exit::Usage);
        }
    }
}
