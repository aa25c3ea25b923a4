//! Every TCP socket of our network namespace by the kernel's socket diagnosis (`NETLINK_SOCK_DIAG`).
//!
//! What it answers is checked like anything else that comes from outside.

use std::os::fd::{AsRawFd, OwnedFd};

use nix::{
    errno::Errno,
    sys::{
        socket::{
            self, AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, sockopt,
        },
        time::{TimeVal, TimeValLike},
    },
};

use crate::model::known::KnownSocket;

mod entry;
mod message;

/// The kernel answers in pieces of at most 32 KiB (`netlink_dump`, `net/netlink/af_netlink.c`).
const BUFFER: usize = 64 << 10;
/// How long the kernel may take for one piece, in seconds.
const PATIENCE: i64 = 5;

/// Why a dump is not to be had or not to be trusted.
#[derive(Debug, thiserror::Error)]
pub enum DiagError {
    /// A call on the netlink socket failed.
    #[error("cannot {attempt} the kernel's socket diagnosis")]
    Netlink {
        /// What was attempted.
        attempt: &'static str,
        /// What came of it.
        source: Errno,
    },
    /// The kernel refused; `ENOENT` where `tcp_diag` is neither built in nor loaded.
    #[error("the kernel refused to list sockets")]
    Refused(#[source] Errno),
    /// The answer is shorter than it says or must be.
    #[error("the kernel's list of sockets ends within {0}")]
    Truncated(&'static str),
    /// The answer holds what it cannot.
    #[error("the kernel's list of sockets is damaged: wrong {0}")]
    Malformed(&'static str),
}

/// Every TCP socket, IPv4 and IPv6, in any state, of the calling thread's network namespace, which
/// is `netns`; without holders.
///
/// A socket gets its cookie by being listed, so that the hooks know it from then on
/// (`sock_diag_save_cookie`, `net/core/sock_diag.c`). Where `tcp_diag` is a module, the kernel
/// loads it.
///
/// # Errors
///
/// No socket diagnosis here, or an answer that makes no sense: `/proc` has a lesser list.
pub fn dump(netns: Option<u32>) -> Result<Vec<KnownSocket>, DiagError> {
    let netlink = open()?;
    let mut found = Vec::new();
    let mut buffer = vec![0; BUFFER];
    for (sequence, family) in (1..).zip([libc::AF_INET, libc::AF_INET6]) {
        let family = u8::try_from(family).unwrap_or_default();
        let request = message::request(family, sequence);
        socket::send(netlink.as_raw_fd(), &request, MsgFlags::empty()).map_err(failed("ask"))?;
        let reader = message::Reader { sequence, netns };
        loop {
            // With MSG_TRUNC the length is the datagram's, not what fitted.
            let length = socket::recv(netlink.as_raw_fd(), &mut buffer, MsgFlags::MSG_TRUNC)
                .map_err(failed("read"))?;
            let datagram = buffer
                .get(..length)
                .ok_or(DiagError::Truncated("a datagram"))?;
            if reader.take(datagram, &mut found)? {
                break;
            }
        }
    }
    Ok(found)
}

/// How many sockets a datagram tells that answers request 1; zero where it makes no sense.
pub(super) fn told(datagram: &[u8]) -> usize {
    let reader = message::Reader {
        sequence: 1,
        netns: None,
    };
    let mut found = Vec::new();
    let read = reader.take(datagram, &mut found);
    read.map_or(0, |_complete| found.len())
}

/// A netlink socket that only the kernel can send to.
fn open() -> Result<OwnedFd, DiagError> {
    let netlink = socket::socket(
        AddressFamily::Netlink,
        SockType::Raw,
        SockFlag::SOCK_CLOEXEC,
        SockProtocol::NetlinkSockDiag,
    )
    .map_err(failed("open"))?;
    // A connected netlink socket refuses every other sender (`netlink_getsockbyportid`).
    socket::connect(netlink.as_raw_fd(), &NetlinkAddr::new(0, 0)).map_err(failed("connect to"))?;
    let patience = TimeVal::seconds(PATIENCE);
    socket::setsockopt(&netlink, sockopt::ReceiveTimeout, &patience).map_err(failed("wait for"))?;
    Ok(netlink)
}

fn failed(attempt: &'static str) -> impl Fn(Errno) -> DiagError {
    move |source| DiagError::Netlink { attempt, source }
}
