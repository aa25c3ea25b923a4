//! What a network namespace makes of addresses: one question to its connection tracking at a time
//! (`NETLINK_NETFILTER`, `IPCTNL_MSG_CT_GET`).
//!
//! Refuses to guess: where the kernel does not answer, nothing is translated.

use std::{
    fs::File,
    os::fd::{AsRawFd, OwnedFd},
    path::Path,
    thread,
};

use nix::{
    errno::Errno,
    sched::{CloneFlags, setns},
    sys::{
        socket::{
            self, AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, sockopt,
        },
        time::{TimeVal, TimeValLike},
    },
};

use crate::model::stray::Tuple;

mod message;

/// An answer is some hundreds of bytes.
const BUFFER: usize = 8192;
/// How long an answer may take, in milliseconds; the kernel gives it within the call that asks.
const PATIENCE_MS: i64 = 100;

/// The connection tracking of one network namespace.
pub struct Conntrack {
    netlink: OwnedFd,
    sequence: u32,
    buffer: Vec<u8>,
}

/// A tuple before and after a translation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Translation {
    /// As whoever began the connection sends.
    pub before: Tuple,
    /// As whoever it goes to receives.
    pub after: Tuple,
}

/// Whether a datagram that answers request 1 tells of a connection, or how many there are.
pub(super) fn told(datagram: &[u8]) -> bool {
    match message::answer(datagram, 1) {
        message::Answer::Tracked(tracked) => {
            let _read = tracked.translation();
            true
        }
        message::Answer::Entries(_) => true,
        message::Answer::Nothing | message::Answer::NotOurs => false,
    }
}

impl Conntrack {
    /// Reaches the connection tracking of the namespace a file stands for, or of the calling thread's;
    /// `None` where it cannot be reached: needs `CAP_NET_ADMIN` and `nf_conntrack_netlink`.
    #[must_use]
    pub fn open(namespace: Option<&Path>) -> Option<Self> {
        let netlink = match namespace {
            None => netlink().ok()?,
            Some(path) => {
                let file = File::open(path).ok()?;
                let enter_and_open = move || {
                    setns(file, CloneFlags::CLONE_NEWNET).ok()?;
                    netlink().ok()
                };
                let thread = thread::Builder::new().name("netns".to_owned());
                thread.spawn(enter_and_open).ok()?.join().ok()??
            }
        };
        Some(Self {
            netlink,
            sequence: 0,
            buffer: vec![0; BUFFER],
        })
    }

    /// What becomes of a tuple that was seen, on either side of a translation; `None` when nothing
    /// does, or when it is not known.
    pub fn translation(&mut self, seen: Tuple) -> Option<Translation> {
        // A tuple as it is after a translation is known by the tuple of its answers.
        let tracked = self.ask(seen).or_else(|| self.ask((seen.1, seen.0)))?;
        tracked.translation()
    }

    /// Whether any connection is tracked in the namespace; true where the kernel does not say.
    pub fn tracks(&mut self) -> bool {
        self.sequence = self.sequence.wrapping_add(1);
        let request = message::statistics(self.sequence);
        self.answer(&request) != message::Answer::Entries(0)
    }

    fn ask(&mut self, tuple: Tuple) -> Option<message::Tracked> {
        self.sequence = self.sequence.wrapping_add(1);
        let request = message::request(tuple, self.sequence)?;
        match self.answer(&request) {
            message::Answer::Tracked(tracked) => Some(tracked),
            message::Answer::Entries(_) | message::Answer::Nothing | message::Answer::NotOurs => {
                None
            }
        }
    }

    /// The kernel's answer to the latest question; one that came too late for its own is passed over.
    fn answer(&mut self, request: &[u8]) -> message::Answer {
        let netlink = self.netlink.as_raw_fd();
        if socket::send(netlink, request, MsgFlags::empty()).is_err() {
            return message::Answer::Nothing;
        }
        for _ in 0..4 {
            let length = socket::recv(netlink, &mut self.buffer, MsgFlags::empty());
            let received = length.ok().and_then(|length| self.buffer.get(..length));
            match received.map(|bytes| message::answer(bytes, self.sequence)) {
                Some(message::Answer::NotOurs) => {}
                Some(answer) => return answer,
                None => break,
            }
        }
        message::Answer::Nothing
    }
}

/// A netlink socket that only the kernel can send to.
fn netlink() -> Result<OwnedFd, Errno> {
    let netlink = socket::socket(
        AddressFamily::Netlink,
        SockType::Raw,
        SockFlag::SOCK_CLOEXEC,
        SockProtocol::NetlinkNetFilter,
    )?;
    socket::connect(netlink.as_raw_fd(), &NetlinkAddr::new(0, 0))?;
    let patience = TimeVal::milliseconds(PATIENCE_MS);
    socket::setsockopt(&netlink, sockopt::ReceiveTimeout, &patience)?;
    Ok(netlink)
}
