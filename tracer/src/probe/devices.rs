//! Classifiers on every device of this network namespace, those to come included.
//!
//! They hang on links of their own (tcx, since 6.6): when finrst is gone, however, they are too. The
//! older way to attach a classifier outlives who attached it, and is not used.

use std::{
    collections::HashMap,
    io,
    os::fd::{AsRawFd as _, OwnedFd},
};

use aya::{
    Ebpf,
    programs::{
        LinkOrder, ProgramError, SchedClassifier, TcAttachType,
        tc::{SchedClassifierLink, TcAttachOptions, TcError},
    },
};
use nix::{
    net::if_::if_nameindex,
    sys::socket::{
        AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, recv, socket,
    },
};
use tokio::io::unix::AsyncFd;

use super::catalog::{EGRESS, INGRESS};

/// `RTMGRP_LINK`, `include/uapi/linux/rtnetlink.h`: devices that come, change and go.
const LINKS: u32 = 1;

/// A device by its index and name.
pub type Device = (u32, String);

/// The devices that have our classifiers; with it they go.
pub struct Devices {
    /// The one device wanted; `None` for all.
    only: Option<u32>,
    attached: HashMap<u32, [SchedClassifierLink; 2]>,
    changes: AsyncFd<OwnedFd>,
}

/// What came of looking at the devices.
#[derive(Debug, Default)]
pub struct Renewed {
    /// Devices that were not there before.
    pub new: Vec<Device>,
    /// Devices that cannot be attached to, and why.
    pub refused: Vec<(String, String)>,
}

impl Devices {
    /// Listens for devices that come; none has a classifier yet.
    ///
    /// # Errors
    ///
    /// The kernel tells of no devices.
    pub fn new(only: Option<u32>) -> io::Result<Self> {
        let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
        let route = SockProtocol::NetlinkRoute;
        let changes = socket(AddressFamily::Netlink, SockType::Raw, flags, route)?;
        bind(changes.as_raw_fd(), &NetlinkAddr::new(0, LINKS))?;
        Ok(Self {
            only,
            attached: HashMap::new(),
            changes: watch(changes)?,
        })
    }

    /// Waits until devices come, change or go; may be cancelled.
    ///
    /// # Errors
    ///
    /// The kernel tells of devices no more.
    pub async fn changed(&self) -> io::Result<()> {
        let mut ready = self.changes.readable().await?;
        // What they say is of no interest: the devices are listed anew. Too much of it is no error.
        let mut said = [0; 8192];
        while recv(self.changes.as_raw_fd(), &mut said, MsgFlags::empty()).is_ok() {}
        ready.clear_ready();
        Ok(())
    }

    /// Attaches to the devices that came since, and forgets those that went.
    ///
    /// # Errors
    ///
    /// The devices cannot be listed.
    pub(super) fn renew(&mut self, programs: &mut Ebpf) -> io::Result<Renewed> {
        let mut renewed = Renewed::default();
        let mut there = Vec::new();
        for device in &if_nameindex()? {
            let index = device.index();
            if self.only.is_some_and(|only| only != index) {
                continue;
            }
            there.push(index);
            if self.attached.contains_key(&index) {
                continue;
            }
            let name = device.name().to_string_lossy().into_owned();
            match attach(programs, &name) {
                Ok(links) => {
                    self.attached.insert(index, links);
                    renewed.new.push((index, name));
                }
                // Gone again already, or another by now: that is told too.
                Err(error) if is_gone(&error) => {}
                Err(error) => renewed.refused.push((name, innermost(&error))),
            }
        }
        self.attached.retain(|index, _| there.contains(index));
        Ok(renewed)
    }
}

#[expect(unsafe_code, reason = "tokio asks for a promise about the descriptor")]
fn watch(socket: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: an owned descriptor stays the same and open as long as its owner lives.
    let watched = unsafe { AsyncFd::register(socket) };
    watched.map_err(io::Error::other)
}

/// Attaches both classifiers, loaded before, to a device of this namespace.
fn attach(programs: &mut Ebpf, device: &str) -> Result<[SchedClassifierLink; 2], ProgramError> {
    Ok([
        one(programs, EGRESS, device, TcAttachType::Egress)?,
        one(programs, INGRESS, device, TcAttachType::Ingress)?,
    ])
}

fn one(
    programs: &mut Ebpf,
    program: &str,
    device: &str,
    side: TcAttachType,
) -> Result<SchedClassifierLink, ProgramError> {
    let program = programs
        .program_mut(program)
        .ok_or(ProgramError::NotLoaded)?;
    attach_to(program.try_into()?, device, side)
}

/// Attaches a classifier to one side of a device; it is attached while its link is there.
pub(super) fn attach_to(
    program: &mut SchedClassifier,
    device: &str,
    side: TcAttachType,
) -> Result<SchedClassifierLink, ProgramError> {
    let options = TcAttachOptions::TcxOrder(LinkOrder::default());
    let id = program.attach_with_options(device, side, options)?;
    program.take_link(id)
}

fn is_gone(error: &ProgramError) -> bool {
    let number = if let ProgramError::SyscallError(error) = error {
        error.io_error.raw_os_error()
    } else if let ProgramError::TcError(TcError::IoError(error)) = error {
        error.raw_os_error()
    } else {
        None
    };
    number == Some(libc::ENODEV)
}

fn innermost(error: &ProgramError) -> String {
    let mut source: &dyn std::error::Error = error;
    while let Some(next) = source.source() {
        source = next;
    }
    source.to_string()
}
