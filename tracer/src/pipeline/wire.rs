//! What the road is told of captures: devices, segments, translations.

use std::io;

use super::Pipeline;
use crate::{
    enrich::facts::Facts,
    model::{
        alignment::Alignment,
        clock::Timed,
        foreign::Foreign,
        segment::{Device, Seen},
        stray::Tuple,
        time::MonoNs,
    },
    tally::Unjoined,
};

impl<F: Facts> Pipeline<F> {
    /// From now on segments are captured; those of no ending count only where the endings of
    /// `everything` are told.
    pub fn captures(&mut self, everything: bool) {
        self.devices.get_or_insert_default();
        self.tally.unjoined_segments = everything.then(Unjoined::default);
    }

    /// Whether segments are captured.
    #[must_use]
    pub const fn is_capturing(&self) -> bool {
        self.devices.is_some()
    }

    /// Tells the segments no ending tells, too.
    pub const fn tell_strays_too(&mut self) {
        self.strays = true;
    }

    /// A capture in a network namespace sees a device of this name.
    pub fn device(&mut self, netns: Option<u32>, index: u32, name: Foreign) {
        let devices = self.devices.get_or_insert_default();
        devices.insert(netns, Device::Index(index), name);
    }

    /// A capture file has an interface of this name.
    pub fn interface(&mut self, number: u32, name: Foreign) {
        let devices = self.devices.get_or_insert_default();
        devices.insert(None, Device::Interface(number), name);
    }

    /// From now on a segment may have been seen this long before or after the kernel's act, in
    /// nanoseconds: on its way to where it was captured.
    pub fn reach(&mut self, ns: u64) {
        self.correlator.reach(ns);
    }

    /// Tells how a capture file was held against what is told.
    ///
    /// # Errors
    ///
    /// Those of the output.
    pub fn alignment(&mut self, alignment: &Alignment, at: MonoNs) -> io::Result<()> {
        self.view.alignment(alignment, at, &mut self.out)
    }

    /// Takes in a segment that was seen in a network namespace, by the hooks' clock.
    pub fn sight(&mut self, at: Timed, netns: Option<u32>, seen: &Seen) {
        self.correlator.sight(at, netns, seen);
    }

    /// A network namespace translates one tuple to another on the way.
    pub fn translated(&mut self, netns: u32, before: Tuple, after: Tuple) {
        self.correlator.translated(netns, before, after);
    }
}
