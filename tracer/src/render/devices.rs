//! What devices are called.

use std::collections::HashMap;

use crate::model::{foreign::Foreign, segment::Device, wire::Sighting};

/// Names of the devices and of the interfaces of capture files that segments were seen on.
#[derive(Clone, Debug, Default)]
pub struct Devices(HashMap<Device, Foreign>);

impl Devices {
    /// Gives a device its name.
    pub fn insert(&mut self, device: Device, name: Foreign) {
        self.0.insert(device, name);
    }

    /// The name of a device; `None` when it was not told.
    #[must_use]
    pub fn name(&self, device: Device) -> Option<&Foreign> {
        self.0.get(&device)
    }

    /// The name of the device a sighting was on.
    #[must_use]
    pub fn of(&self, sighting: &Sighting) -> Option<&Foreign> {
        self.name(sighting.device)
    }
}
