//! The segments a running kernel half sees pass devices.

use std::io;

use tracer_common::event::Kind;

use super::Session;
use crate::{
    probe::devices::{Devices, Renewed},
    tally::Captured,
};

/// Which segments the kernel half is to see; none by default.
#[derive(Clone, Copy, Debug, Default)]
pub struct Segments {
    /// The points that see them, by name.
    pub points: &'static [&'static str],
    /// Index of the one device of this namespace they are wanted of; `None` for all.
    pub device: Option<u32>,
    /// Inode number of this namespace; zero when it is not known.
    pub netns: u32,
}

impl Session {
    /// Puts the classifiers on the devices there are now, and that were not there before.
    ///
    /// # Errors
    ///
    /// The devices cannot be listed.
    pub fn renew(&mut self, devices: &mut Devices) -> io::Result<Renewed> {
        let programs = self.programs.as_mut();
        programs.map_or_else(|| Ok(Renewed::default()), |it| devices.renew(it))
    }

    /// What the capture in the kernel did so far; `None` when there is none.
    ///
    /// # Errors
    ///
    /// The counters cannot be read.
    pub fn captured(&self) -> io::Result<Option<Captured>> {
        if !self.captures {
            return Ok(None);
        }
        let counts = self.counts()?;
        let (kind, unreadable) = (Kind::SegmentSeen, counts.unreadable());
        Ok(Some(Captured {
            frames: counts.emitted(kind) + unreadable,
            dropped: counts.lost(kind),
            unreadable,
            syns_left_out: counts.syns_left_out(),
            ..Captured::default()
        }))
    }
}
