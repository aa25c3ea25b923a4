//! The question and the answer (`linux/netfilter/nfnetlink_conntrack.h`). Total and pure.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::Translation;
use crate::model::stray::Tuple;

/// `NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET`, and `IPCTNL_MSG_CT_NEW` of the answer.
const GET: u16 = 0x0101;
const NEW: u16 = 0x0100;
/// `NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET_STATS`, of the question and of the answer.
const STATISTICS: u16 = 0x0105;
/// `enum ctattr_stats_global`: how many connections are tracked, in the byte order of the network.
const CTA_STATS_GLOBAL_ENTRIES: u16 = 1;
const NLM_F_REQUEST: u16 = 1;
/// Bytes of `struct nlmsghdr`, and of `struct nfgenmsg` behind it.
const HEADER: usize = 16;
const GENERAL: usize = 4;
const NESTED: u16 = 0x8000;
/// `NLA_TYPE_MASK`.
const ATTRIBUTE: u16 = 0x3fff;
const TCP: u8 = 6;

/// `enum ctattr_type`.
const CTA_TUPLE_ORIG: u16 = 1;
const CTA_TUPLE_REPLY: u16 = 2;
/// `enum ctattr_tuple`.
const CTA_TUPLE_IP: u16 = 1;
const CTA_TUPLE_PROTO: u16 = 2;
/// `enum ctattr_ip`: the source, and the destination after it.
const CTA_IP_V4_SRC: u16 = 1;
const CTA_IP_V6_SRC: u16 = 3;
/// `enum ctattr_l4proto`.
const CTA_PROTO_NUM: u16 = 1;
const CTA_PROTO_SRC_PORT: u16 = 2;
const CTA_PROTO_DST_PORT: u16 = 3;

/// Both tuples of a tracked connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tracked {
    /// As the first packet had it.
    original: Tuple,
    /// As the answers have it.
    reply: Tuple,
}

impl Tracked {
    /// What it translates; `None` when the answers are just the other way round.
    pub(super) fn translation(self) -> Option<Translation> {
        let after = (self.reply.1, self.reply.0);
        (after != self.original).then_some(Translation {
            before: self.original,
            after,
        })
    }
}

/// What an answer says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// The connection is tracked.
    Tracked(Tracked),
    /// So many connections are, of all protocols.
    Entries(u32),
    /// It is not, or the kernel refuses, or makes no sense.
    Nothing,
    /// An answer to another question.
    NotOurs,
}

/// Asks for the connection that has a tuple on either side; `None` for ends of two families.
pub(super) fn request((source, destination): Tuple, sequence: u32) -> Option<Vec<u8>> {
    let (family, kind, addresses) = match (source.ip(), destination.ip()) {
        (IpAddr::V4(one), IpAddr::V4(other)) => {
            let addresses = [one.octets().to_vec(), other.octets().to_vec()];
            (libc::AF_INET, CTA_IP_V4_SRC, addresses)
        }
        (IpAddr::V6(one), IpAddr::V6(other)) => {
            let addresses = [one.octets().to_vec(), other.octets().to_vec()];
            (libc::AF_INET6, CTA_IP_V6_SRC, addresses)
        }
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => return None,
    };
    let mut ip = Vec::new();
    for (kind, address) in (kind..).zip(addresses) {
        attribute(&mut ip, kind, &address);
    }
    let mut protocol = Vec::new();
    attribute(&mut protocol, CTA_PROTO_NUM, &[TCP]);
    attribute(
        &mut protocol,
        CTA_PROTO_SRC_PORT,
        &source.port().to_be_bytes(),
    );
    attribute(
        &mut protocol,
        CTA_PROTO_DST_PORT,
        &destination.port().to_be_bytes(),
    );
    let mut tuple = Vec::new();
    attribute(&mut tuple, CTA_TUPLE_IP | NESTED, &ip);
    attribute(&mut tuple, CTA_TUPLE_PROTO | NESTED, &protocol);
    let mut body = vec![u8::try_from(family).ok()?, 0, 0, 0];
    attribute(&mut body, CTA_TUPLE_ORIG | NESTED, &tuple);
    Some(message(GET, sequence, &body))
}

/// Asks how many connections are tracked.
pub(super) fn statistics(sequence: u32) -> Vec<u8> {
    message(STATISTICS, sequence, &[0; GENERAL])
}

fn message(kind: u16, sequence: u32, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(HEADER + body.len()).unwrap_or(u32::MAX);
    let mut bytes = Vec::new();
    bytes.extend(length.to_ne_bytes());
    bytes.extend(kind.to_ne_bytes());
    bytes.extend(NLM_F_REQUEST.to_ne_bytes());
    bytes.extend(sequence.to_ne_bytes());
    bytes.extend([0; 4]);
    bytes.extend(body);
    bytes
}

/// Reads an answer to the question of a number.
pub(super) fn answer(datagram: &[u8], sequence: u32) -> Answer {
    let header = (u16_at(datagram, 4), u32_at(datagram, 8));
    let (Some(kind), Some(number)) = header else {
        return Answer::Nothing;
    };
    if number != sequence {
        return Answer::NotOurs;
    }
    let length = u32_at(datagram, 0).and_then(|length| usize::try_from(length).ok());
    let body = length.and_then(|length| datagram.get(HEADER + GENERAL..length));
    let answer = match kind {
        NEW => body.and_then(tracked).map(Answer::Tracked),
        STATISTICS => body.and_then(entries).map(Answer::Entries),
        _ => None,
    };
    answer.unwrap_or(Answer::Nothing)
}

fn entries(body: &[u8]) -> Option<u32> {
    let entries = find(body, CTA_STATS_GLOBAL_ENTRIES)?.first_chunk()?;
    Some(u32::from_be_bytes(*entries))
}

fn tracked(body: &[u8]) -> Option<Tracked> {
    Some(Tracked {
        original: tuple(find(body, CTA_TUPLE_ORIG)?)?,
        reply: tuple(find(body, CTA_TUPLE_REPLY)?)?,
    })
}

fn tuple(bytes: &[u8]) -> Option<Tuple> {
    let ip = find(bytes, CTA_TUPLE_IP)?;
    let protocol = find(bytes, CTA_TUPLE_PROTO)?;
    if find(protocol, CTA_PROTO_NUM)?.first() != Some(&TCP) {
        return None;
    }
    let port = |kind| {
        let bytes = find(protocol, kind)?.first_chunk()?;
        Some(u16::from_be_bytes(*bytes))
    };
    let address = |place: u16| {
        let v4 = find(ip, CTA_IP_V4_SRC + place).and_then(|it| it.first_chunk::<4>());
        let v6 = find(ip, CTA_IP_V6_SRC + place).and_then(|it| it.first_chunk::<16>());
        let v4 = v4.map(|it| IpAddr::V4(Ipv4Addr::from(*it)));
        v4.or_else(|| v6.map(|it| IpAddr::V6(Ipv6Addr::from(*it))))
    };
    Some((
        SocketAddr::new(address(0)?, port(CTA_PROTO_SRC_PORT)?),
        SocketAddr::new(address(1)?, port(CTA_PROTO_DST_PORT)?),
    ))
}

/// The payload of the first attribute of a kind.
fn find(mut bytes: &[u8], wanted: u16) -> Option<&[u8]> {
    loop {
        let length = usize::from(u16_at(bytes, 0)?);
        let kind = u16_at(bytes, 2)? & ATTRIBUTE;
        let payload = bytes.get(4..length)?;
        if kind == wanted {
            return Some(payload);
        }
        bytes = bytes.get(length.next_multiple_of(4)..)?;
    }
}

/// Appends an attribute, padded.
fn attribute(out: &mut Vec<u8>, kind: u16, payload: &[u8]) {
    let length = u16::try_from(4 + payload.len()).unwrap_or(u16::MAX);
    out.extend(length.to_ne_bytes());
    out.extend(kind.to_ne_bytes());
    out.extend(payload);
    out.resize(out.len().next_multiple_of(4), 0);
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(*bytes.get(at..)?.first_chunk()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(*bytes.get(at..)?.first_chunk()?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ends(source: &str, destination: &str) -> Tuple {
        (source.parse().unwrap(), destination.parse().unwrap())
    }

    /// The answer the kernel gives for two tuples: as the question, twice.
    fn answered(original: Tuple, reply: Tuple, sequence: u32) -> Vec<u8> {
        let mut bytes = request(original, sequence).unwrap();
        let mut other = request(reply, sequence)
            .unwrap()
            .split_off(HEADER + GENERAL);
        other[2..4].copy_from_slice(&(CTA_TUPLE_REPLY | NESTED).to_ne_bytes());
        // A status, which nobody asks for, between the two.
        attribute(&mut bytes, 3, &[0, 0, 0, 8]);
        bytes.extend(other);
        let length = u32::try_from(bytes.len()).unwrap();
        bytes[..4].copy_from_slice(&length.to_ne_bytes());
        bytes[4..6].copy_from_slice(&NEW.to_ne_bytes());
        bytes
    }

    #[test]
    fn a_masqueraded_connection_has_another_tuple_behind() {
        for (inner, outer, server) in [
            ("10.0.0.2:1", "192.0.2.1:9", "198.51.100.7:80"),
            ("[fd00::2]:1", "[2001:db8::1]:9", "[2001:db8::7]:80"),
        ] {
            let answer = answer(&answered(ends(inner, server), ends(server, outer), 7), 7);
            let Answer::Tracked(tracked) = answer else {
                panic!("{answer:?}");
            };
            let translation = tracked.translation().unwrap();
            assert_eq!(translation.before, ends(inner, server));
            assert_eq!(translation.after, ends(outer, server));
        }
    }

    #[test]
    fn a_connection_whose_answers_go_straight_back_is_not_translated() {
        let there = ends("10.0.0.2:1", "10.0.0.3:2");
        let Answer::Tracked(tracked) = answer(&answered(there, (there.1, there.0), 7), 7) else {
            panic!("not tracked");
        };
        assert_eq!(tracked.translation(), None);
    }

    #[test]
    fn another_question_and_a_refusal_say_nothing() {
        let there = ends("10.0.0.2:1", "10.0.0.3:2");
        let mut bytes = answered(there, there, 7);
        assert_eq!(answer(&bytes, 8), Answer::NotOurs);
        bytes[4..6].copy_from_slice(&2_u16.to_ne_bytes());
        assert_eq!(answer(&bytes, 7), Answer::Nothing);
        assert_eq!(request(ends("10.0.0.2:1", "[::1]:2"), 1), None);
    }

    #[test]
    fn the_number_of_connections_is_read_as_the_network_has_it() {
        let mut bytes = statistics(7);
        attribute(&mut bytes, CTA_STATS_GLOBAL_ENTRIES, &[0, 0, 1, 2]);
        let length = u32::try_from(bytes.len()).unwrap();
        bytes[..4].copy_from_slice(&length.to_ne_bytes());
        assert_eq!(answer(&bytes, 7), Answer::Entries(258));
        assert_eq!(answer(&bytes, 8), Answer::NotOurs);
        assert_eq!(answer(&statistics(7), 7), Answer::Nothing);
    }

    #[test]
    fn every_truncation_says_nothing_and_none_panics() {
        let there = ends("10.0.0.2:1", "10.0.0.3:2");
        let bytes = answered(there, there, 7);
        for length in 0..bytes.len() {
            assert_eq!(answer(&bytes[..length], 7), Answer::Nothing, "{length}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(
            bytes in proptest::collection::vec(any::<u8>(), 0..200),
            place in 0_usize..100,
            byte in any::<u8>(),
        ) {
            let _ = answer(&bytes, 7);
            let mut bytes = answered(ends("1.2.3.4:5", "6.7.8.9:10"), ends("6.7.8.9:10", "1.1.1.1:5"), 7);
            bytes[place] = byte;
            let _ = answer(&bytes, 7);
        }
    }
}
