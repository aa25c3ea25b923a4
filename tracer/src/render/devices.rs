//! What devices are called.

use std::collections::HashMap;

use crate::model::{foreign::Foreign, segment::Device, wire::Sighting};

/// Names of the devices, each in its network namespace, and of the interfaces of capture files, in
/// none, that segments were seen on.
#[derive(Clone, Debug, Default)]
pub struct Devices(HashMap<(Option<u32>, Device), Foreign>);

impl Devices {
    /// Gives a device its name.
    pub fn insert(&mut self, netns: Option<u32>, device: Device, name: Foreign) {
        self.0.insert(place(netns, device), name);
    }

    /// The name of a device; `None` when it was not told.
    #[must_use]
    pub fn name(&self, netns: Option<u32>, device: Device) -> Option<&Foreign> {
        self.0.get(&place(netns, device))
    }

    /// The name of the device a sighting was on.
    #[must_use]
    pub fn of(&self, sighting: &Sighting) -> Option<&Foreign> {
        self.name(sighting.netns, sighting.device)
    }
}

/// Interfaces are numbered over all files, wherever the connections of their segments are.
const fn place(netns: Option<u32>, device: Device) -> (Option<u32>, Device) {
    match device {
        Device::Index(_) => (netns, device),
        Device::Interface(_) => (None, device),
    }
}
