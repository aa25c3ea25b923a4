//! Names of devices, as the segments seen on them tell.

use crate::{
    model::{
        observation::What,
        segment::{Device, Passed},
    },
    render::Devices,
};

/// Takes in the name of the device a segment passed; the latest one counts.
pub(super) fn learn(devices: &mut Option<Devices>, what: &What) {
    if let What::SegmentSeen(Passed {
        flow,
        device,
        name: Some(name),
        ..
    }) = what
    {
        let devices = devices.get_or_insert_default();
        let device = Device::Index(*device);
        if devices.name(flow.netns, device) != Some(name) {
            devices.insert(flow.netns, device, name.clone());
        }
    }
}
