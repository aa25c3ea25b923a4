//! What `--wire` asks of the kernel half.

use std::{fs, io, os::unix::fs::MetadataExt as _};

use anyhow::anyhow;
use nix::net::if_::if_nametoindex;

use crate::{
    cli::{Wire, Wiring},
    exit::{Exit, Failure},
    probe::{
        catalog::{TCX, XMIT},
        devices::Devices,
        session::Segments,
    },
};

/// The segments the hooks are to see; none for a packet socket, which sees them itself.
///
/// # Errors
///
/// No such device: exit code 2.
pub(super) fn segments(wiring: &Wiring) -> Result<Segments, Failure> {
    let points = match wiring.wire {
        Wire::Off | Wire::Afpacket => return Ok(Segments::default()),
        Wire::Xmit => XMIT,
        Wire::Tcx => TCX,
    };
    Ok(Segments {
        points,
        device: device(&wiring.interfaces)?,
        netns: netns().unwrap_or(0),
    })
}

/// The devices to put classifiers on, where those see the segments.
///
/// # Errors
///
/// The kernel tells of no devices.
pub(super) fn devices(segments: &Segments) -> io::Result<Option<Devices>> {
    let classified = segments.points == TCX;
    let devices = classified.then(|| Devices::new(segments.device));
    devices.transpose()
}

/// The inode number of the network namespace finrst runs in.
pub(super) fn netns() -> Option<u32> {
    let netns = fs::metadata("/proc/self/ns/net").ok()?;
    u32::try_from(netns.ino()).ok()
}

/// The hooks compare one index, which costs every packet.
fn device(named: &[String]) -> Result<Option<u32>, Failure> {
    match named {
        [] => Ok(None),
        [device] => index(device).map(Some),
        _ => Err(Failure::new(
            Exit::Usage,
            anyhow!("hooks capture on one device, or on all"),
            "--wire afpacket takes several of -i",
        )),
    }
}

fn index(device: &str) -> Result<u32, Failure> {
    if_nametoindex(device).map_err(|error| {
        let error = anyhow!(error).context(format!("cannot capture on {device}"));
        Failure::new(Exit::Usage, error, "`ip link` lists the devices")
    })
}
