//! What devices are called.

use std::collections::HashMap;

use crate::model::{foreign::Foreign, segment::Device, wire::Sighting};

/// Names of the devices that segments were seen on, by their network namespace, and of the interfaces
/// of capture files, which are of none.
#[derive(Clone, Debug, Default)]
pub struct Devices(HashMap<(Option<u32>, Device), Foreign>);

impl Devices {
    /// Gives a device its name.
    pub fn insert(&mut self, netns: Option<u32>, device: Device, name: Foreign) {
        self.0.insert((netns, device), name);
    }

    /// The name of a device; `None` when it was not told.
    #[must_use]
    pub fn name(&self, netns: Option<u32>, device: Device) -> Option<&Foreign> {
        let netns = match device {
            Device::Index(_) => netns,
            Device::Interface(_) => None,
        };
        self.0.get(&(netns, device))
    }

    /// The name of the device a sighting was on.
    #[must_use]
    pub fn of(&self, sighting: &Sighting) -> Option<&Foreign> {
        self.name(sighting.netns, sighting.device)
    }
}
