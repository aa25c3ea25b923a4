//! The tables `/proc/PID/net/tcp` and `tcp6`: every TCP socket of that process's network namespace.
//!
//! Without cookies and with less to tell an age by than the socket diagnosis, but to be had
//! everywhere.

use std::{
    fs, io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    num::NonZeroU64,
    path::Path,
};

use super::age;
use crate::model::{
    flow::Flow,
    known::{KnownSocket, Origin, Timer, TimerKind},
    state::TcpState,
};

/// The unit of times in `/proc`: `USER_HZ` is 100 on every architecture finrst runs on.
const TICK_MS: u32 = 10;

/// Every TCP socket the process's network namespace, which is `netns`, has; without holders.
///
/// # Errors
///
/// The IPv4 table cannot be read; a machine without IPv6 has no other.
pub(super) fn sockets(process: &Path, netns: Option<u32>) -> io::Result<Vec<KnownSocket>> {
    let tables = process.join("net");
    let mut found = parse(&fs::read_to_string(tables.join("tcp"))?, netns);
    if let Ok(table) = fs::read_to_string(tables.join("tcp6")) {
        found.extend(parse(&table, netns));
    }
    Ok(found)
}

/// The sockets of one table; lines that are none, as the first, say nothing.
pub(super) fn parse(table: &str, netns: Option<u32>) -> Vec<KnownSocket> {
    table
        .lines()
        .filter_map(|line| socket(line, netns))
        .collect()
}

/// One line (`get_tcp4_sock`, `net/ipv4/tcp_ipv4.c`).
fn socket(line: &str, netns: Option<u32>) -> Option<KnownSocket> {
    let mut words = line.split_ascii_whitespace().skip(1);
    let local = end(words.next()?)?;
    let remote = end(words.next()?)?;
    let state = TcpState::from_kernel(hex(words.next()?)?)?;
    let (send_queue, receive_queue) = words.next()?.split_once(':')?;
    let (kind, expires) = words.next()?.split_once(':')?;
    let tries = hex(words.next()?)?;
    let uid = words.next()?.parse().ok()?;
    let inode = NonZeroU64::new(words.nth(1)?.parse().ok()?);
    // A timer that is overdue prints as a negative number would: with all bits of 64.
    let expires_ms = hex(expires).map_or(0, |ticks| ticks.saturating_mul(TICK_MS));
    let kind = TimerKind::from_kernel(u8::try_from(hex(kind)?).ok()?);
    let timer = kind.map(|kind| Timer {
        kind,
        expires_ms,
        tries: u8::try_from(tries).unwrap_or(u8::MAX),
    });
    Some(KnownSocket {
        cookie: None,
        flow: Flow {
            local,
            remote,
            netns,
        },
        state,
        in_state_ns: age::in_state_ns(state, timer, None),
        // Of what has no file the kernel tells user zero, or its listener's.
        uid: inode.map(|_| uid),
        inode,
        receive_queue: hex(receive_queue)?,
        // Of a listener it is not the backlog, as the socket diagnosis tells it.
        send_queue: hex(send_queue).filter(|_| state != TcpState::Listen),
        timer,
        traffic: None,
        origin: Origin::Procfs,
        holders: Vec::new(),
    })
}

/// An address, its words of four bytes as numbers of this machine, and a port.
fn end(text: &str) -> Option<SocketAddr> {
    let (address, port) = text.split_once(':')?;
    let mut bytes = Vec::new();
    for word in address.as_bytes().chunks(8) {
        let word = hex(std::str::from_utf8(word).ok()?)?;
        bytes.extend(word.to_ne_bytes());
    }
    let address = match bytes.len() {
        4 => IpAddr::from(Ipv4Addr::from(<[u8; 4]>::try_from(bytes).ok()?)),
        16 => Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?).to_canonical(),
        _ => return None,
    };
    Some(SocketAddr::new(address, u16::try_from(hex(port)?).ok()?))
}

fn hex(text: &str) -> Option<u32> {
    u32::from_str_radix(text, 16).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TCP: &str = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n   \
        0: 0100007F:1F90 0200000A:01BB 01 00000006:00000005 02:00000009 00000002    33        0 4711 2 0000 20 4 30 10 -1\n   \
        1: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 0 1 0000 100 0 0 10 0\n   \
        2: 0100007F:1F90 0100007F:01BB 06 00000000:00000000 03:000003E8 00000000     0        0 0 3 0000\n";

    #[test]
    #[cfg(target_endian = "little")]
    fn every_field_of_a_line_is_read() {
        let found = parse(TCP, Some(4));
        let expected = KnownSocket {
            cookie: None,
            flow: Flow {
                local: "127.0.0.1:8080".parse().unwrap(),
                remote: "10.0.0.2:443".parse().unwrap(),
                netns: Some(4),
            },
            state: TcpState::Established,
            in_state_ns: None,
            uid: Some(33),
            inode: NonZeroU64::new(4711),
            receive_queue: 5,
            send_queue: Some(6),
            timer: Some(Timer {
                kind: TimerKind::Keepalive,
                expires_ms: 90,
                tries: 2,
            }),
            traffic: None,
            origin: Origin::Procfs,
            holders: Vec::new(),
        };
        assert_eq!(found.first(), Some(&expected));
        assert_eq!(found[1].state, TcpState::Listen);
        assert_eq!((found[1].inode, found[1].uid), (None, None));
        assert_eq!((found[1].send_queue, found[1].timer), (None, None));
        assert_eq!(found.len(), 3);
    }

    #[test]
    fn the_timer_tells_how_long_time_wait_has_lasted() {
        let waiting = &parse(TCP, None)[2];
        assert_eq!(waiting.state, TcpState::TimeWait);
        assert_eq!(waiting.in_state_ns, Some(49_980_000_000));
    }

    #[test]
    #[cfg(target_endian = "little")]
    fn a_mapped_address_is_the_ipv4_address_it_stands_for() {
        let mapped = end("0000000000000000FFFF00000100007F:0050");
        assert_eq!(mapped, Some("127.0.0.1:80".parse().unwrap()));
        let loopback = end("00000000000000000000000001000000:0050");
        assert_eq!(loopback, Some("[::1]:80".parse().unwrap()));
    }

    #[test]
    fn a_listener_of_ours_is_in_the_table_of_our_namespace() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let local = listener.local_addr().unwrap();
        let found = sockets(Path::new("/proc/self"), None).unwrap();
        let mut found = found.iter().filter(|socket| socket.flow.local == local);
        let socket = found.next().unwrap();
        assert_eq!(socket.state, TcpState::Listen);
        assert!(socket.inode.is_some());
    }

    proptest! {
        #[test]
        fn no_table_makes_the_parser_panic(table in ".{0,200}", cut in 0_usize..300) {
            let _ = parse(&table, None);
            prop_assert!(parse(TCP.get(..cut).unwrap_or(TCP), None).len() <= 3);
        }
    }
}
