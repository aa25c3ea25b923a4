//! One socket in an answer of the socket diagnosis: `struct inet_diag_msg` and the attributes
//! behind it (`linux/inet_diag.h`). Total and pure.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    num::NonZeroU64,
};

use super::DiagError;
use crate::{
    enrich::age::{self, Since},
    model::{
        flow::Flow,
        known::{KnownSocket, Origin, Timer, TimerKind, Traffic},
        state::TcpState,
    },
};

/// `INET_DIAG_INFO`: the attribute that holds a `struct tcp_info`.
pub(super) const INFO: u16 = 2;
/// `INET_DIAG_NOCOOKIE`, for either half.
pub(super) const NO_COOKIE: u32 = u32::MAX;
/// `NLA_TYPE_MASK` (`linux/netlink.h`).
const ATTRIBUTE: u16 = 0x3fff;

/// Reads a socket; `None` for a state we do not know.
///
/// Of what has no file, an orphan, a stand-in or a connection not accepted, the kernel tells user
/// zero because it knows none (`inet_twsk_diag_fill`, `inet_req_diag_fill`, `sock_i_uid`).
pub(super) fn socket(body: &[u8], netns: Option<u32>) -> Result<Option<KnownSocket>, DiagError> {
    let mut fields = Fields(body);
    let [family, state, timer, tries] = fields.take()?;
    let local_port = u16::from_be_bytes(fields.take()?);
    let remote_port = u16::from_be_bytes(fields.take()?);
    let local = fields.address(family)?;
    let remote = fields.address(family)?;
    let _interface = fields.u32()?;
    let (low, high) = (fields.u32()?, fields.u32()?);
    let expires_ms = fields.u32()?;
    let receive_queue = fields.u32()?;
    let send_queue = fields.u32()?;
    let uid = fields.u32()?;
    let inode = NonZeroU64::new(u64::from(fields.u32()?));
    let (since, traffic) = info_of(fields)?.unzip();
    let Some(state) = TcpState::from_kernel(u32::from(state)) else {
        return Ok(None);
    };
    let cookie = if (low, high) == (NO_COOKIE, NO_COOKIE) {
        None
    } else {
        NonZeroU64::new(u64::from(high) << 32 | u64::from(low))
    };
    let timer = TimerKind::from_kernel(timer).map(|kind| Timer {
        kind,
        expires_ms,
        tries,
    });
    Ok(Some(KnownSocket {
        cookie,
        flow: Flow {
            local: SocketAddr::new(local, local_port),
            remote: SocketAddr::new(remote, remote_port),
            netns,
        },
        state,
        in_state_ns: age::in_state_ns(state, timer, since),
        uid: inode.map(|_| uid),
        inode,
        receive_queue,
        send_queue: Some(send_queue),
        timer,
        traffic,
        origin: Origin::SockDiag,
        holders: Vec::new(),
    }))
}

/// What `struct tcp_info` tells, found among the attributes; `None` where it is not sent.
fn info_of(mut attributes: Fields<'_>) -> Result<Option<(Since, Traffic)>, DiagError> {
    while !attributes.0.is_empty() {
        let length = usize::from(attributes.u16()?);
        let kind = attributes.u16()? & ATTRIBUTE;
        let length = length
            .checked_sub(4)
            .ok_or(DiagError::Malformed("length of an attribute"))?;
        let value = attributes
            .0
            .get(..length)
            .ok_or(DiagError::Truncated("an attribute"))?;
        if kind == INFO {
            return info(Fields(value)).map(Some);
        }
        // The last one need not be padded.
        let next = length.next_multiple_of(4);
        attributes = Fields(attributes.0.get(next..).unwrap_or_default());
    }
    Ok(None)
}

/// The part of `struct tcp_info` (`linux/tcp.h`) that is of use; every kernel since 5.10 has it.
fn info(mut info: Fields<'_>) -> Result<(Since, Traffic), DiagError> {
    // Eight bytes, then nine numbers from `tcpi_rto` to `tcpi_fackets`.
    let _before: [u8; 44] = info.take()?;
    let data_sent = info.u32()?;
    let _ack_sent = info.u32()?;
    let data_received = info.u32()?;
    let ack_received = info.u32()?;
    // Eleven numbers from `tcpi_pmtu` to `tcpi_total_retrans`, and two rates of eight bytes each.
    let _between: [u8; 60] = info.take()?;
    let (acked, received) = (info.u64()?, info.u64()?);
    let _segments: [u8; 8] = info.take()?;
    let unsent = info.u32()?;
    let since = Since {
        data_sent,
        ack_received,
    };
    let traffic = Traffic {
        sent_ms: data_sent,
        received_ms: data_received,
        acked,
        received,
        unsent,
    };
    Ok((since, traffic))
}

/// What is left of a message.
#[derive(Clone, Copy)]
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

impl Fields<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], DiagError> {
        let (field, rest) = self
            .0
            .split_first_chunk()
            .ok_or(DiagError::Truncated("a message"))?;
        self.0 = rest;
        Ok(*field)
    }

    pub(super) fn u16(&mut self) -> Result<u16, DiagError> {
        self.take().map(u16::from_ne_bytes)
    }

    pub(super) fn u32(&mut self) -> Result<u32, DiagError> {
        self.take().map(u32::from_ne_bytes)
    }

    fn u64(&mut self) -> Result<u64, DiagError> {
        self.take().map(u64::from_ne_bytes)
    }

    pub(super) fn i32(&mut self) -> Result<i32, DiagError> {
        self.take().map(i32::from_ne_bytes)
    }

    /// An address in network byte order; IPv4 leaves twelve of its sixteen bytes unused.
    fn address(&mut self, family: u8) -> Result<IpAddr, DiagError> {
        let bytes: [u8; 16] = self.take()?;
        match i32::from(family) {
            libc::AF_INET => {
                let [a, b, c, d, ..] = bytes;
                Ok(Ipv4Addr::new(a, b, c, d).into())
            }
            libc::AF_INET6 => Ok(Ipv6Addr::from(bytes).to_canonical()),
            _ => Err(DiagError::Malformed("address family")),
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Bytes of a socket before its attributes.
    const FIXED: usize = 72;

    /// `127.0.0.1:80` to `10.0.0.2:443`, established, keepalive in 90 ms, two tries; the last
    /// data sent 700 ms ago.
    pub(in crate::enrich::sock_diag) fn sample() -> Vec<u8> {
        let mut body = vec![2, 1, 2, 2, 0, 80, 1, 187];
        body.extend([127, 0, 0, 1]);
        body.extend([0; 12]);
        body.extend([10, 0, 0, 2]);
        body.extend([0; 12]);
        for field in [0_u32, 0x31, 1, 90, 5, 6, 33, 4711] {
            body.extend(field.to_ne_bytes());
        }
        assert_eq!(body.len(), FIXED);
        // `INET_DIAG_SHUTDOWN`, of one byte and three of padding.
        attribute(&mut body, 8, &[0]);
        body.extend([0; 3]);
        let mut info = vec![0; 44];
        for ms in [700_u32, 0, 800, 900] {
            info.extend(ms.to_ne_bytes());
        }
        info.extend([0; 60]);
        for number in [11_u64, 12, 0] {
            info.extend(number.to_ne_bytes());
        }
        info.extend(13_u32.to_ne_bytes());
        info.extend([0; 80]);
        attribute(&mut body, INFO, &info);
        body
    }

    fn attribute(body: &mut Vec<u8>, kind: u16, value: &[u8]) {
        body.extend(u16::try_from(4 + value.len()).unwrap().to_ne_bytes());
        body.extend(kind.to_ne_bytes());
        body.extend(value);
    }

    fn read(body: &[u8]) -> KnownSocket {
        socket(body, Some(4)).unwrap().unwrap()
    }

    #[test]
    fn every_field_of_a_socket_is_read() {
        let expected = KnownSocket {
            cookie: NonZeroU64::new(0x1_0000_0031),
            flow: Flow {
                local: "127.0.0.1:80".parse().unwrap(),
                remote: "10.0.0.2:443".parse().unwrap(),
                netns: Some(4),
            },
            state: TcpState::Established,
            in_state_ns: Some(680_000_000),
            uid: Some(33),
            inode: NonZeroU64::new(4711),
            receive_queue: 5,
            send_queue: Some(6),
            timer: Some(Timer {
                kind: TimerKind::Keepalive,
                expires_ms: 90,
                tries: 2,
            }),
            traffic: Some(Traffic {
                sent_ms: 700,
                received_ms: 800,
                acked: 11,
                received: 12,
                unsent: 13,
            }),
            origin: Origin::SockDiag,
            holders: Vec::new(),
        };
        assert_eq!(read(&sample()), expected);
    }

    #[test]
    fn a_kernel_that_tells_no_more_than_it_must_leaves_the_age_unknown() {
        let expected = KnownSocket {
            in_state_ns: None,
            traffic: None,
            ..read(&sample())
        };
        assert_eq!(read(&sample()[..FIXED]), expected);
    }

    #[test]
    fn the_last_acknowledgement_dates_the_states_it_leads_to() {
        let mut body = sample();
        body[1] = 5;
        let socket = read(&body);
        assert_eq!(socket.state, TcpState::FinWait2);
        assert_eq!(socket.in_state_ns, Some(880_000_000));
    }

    #[test]
    fn the_user_of_what_has_no_file_is_nobody() {
        let mut body = sample();
        body[FIXED - 4..FIXED].copy_from_slice(&0_u32.to_ne_bytes());
        let socket = read(&body);
        assert_eq!((socket.inode, socket.uid), (None, None));
    }

    #[test]
    fn a_mapped_address_is_the_ipv4_address_it_stands_for() {
        let mut body = sample();
        body[0] = 10;
        body[8..24].copy_from_slice(&Ipv4Addr::new(10, 1, 1, 1).to_ipv6_mapped().octets());
        assert_eq!(read(&body).flow.local, "10.1.1.1:80".parse().unwrap());
    }

    #[test]
    fn an_attribute_that_is_shorter_than_its_head_is_refused() {
        let mut body = sample();
        body[FIXED..FIXED + 2].copy_from_slice(&3_u16.to_ne_bytes());
        assert!(matches!(
            socket(&body, None),
            Err(DiagError::Malformed("length of an attribute"))
        ));
    }
}
