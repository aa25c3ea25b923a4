//! Following the devices of this network namespace, where classifiers are on them.

use std::{future::pending, io};

use super::run::Run;
use crate::{
    app::{output, wire},
    model::foreign::Foreign,
    probe::devices::Devices,
};

/// Waits until a device comes, changes or goes; forever where none are followed.
///
/// # Errors
///
/// The kernel tells of devices no more.
pub(super) async fn changed(devices: Option<&Devices>) -> io::Result<()> {
    match devices {
        Some(devices) => devices.changed().await,
        None => pending().await,
    }
}

impl Run<'_> {
    /// Takes in the devices that came; those that cannot be captured on are said.
    ///
    /// # Errors
    ///
    /// The devices cannot be listed.
    pub(super) fn renew_devices(&mut self) -> io::Result<()> {
        let Some(devices) = &mut self.devices else {
            return Ok(());
        };
        let renewed = self.session.renew(devices)?;
        for (index, name) in renewed.new {
            let name = Foreign::from(name.as_bytes());
            self.pipeline.device(wire::netns(), index, name);
        }
        if !self.job.quiet {
            for (name, why) in renewed.refused {
                output::say(format_args!("finrst: nothing is captured on {name}: {why}"));
            }
        }
        Ok(())
    }
}
