//! Tells nothing: for runs that are only recorded.

use std::io::{self, Write};

use super::{Devices, Explained, Render, Start};
use crate::{
    model::{clock::Sample, observation::Observation, stray::Stray},
    tally::{Lost, Tally},
};

/// Writes nothing.
#[derive(Clone, Copy, Debug)]
pub struct Silent;

impl Render for Silent {
    fn clock(&mut self, _sample: &Sample) {}

    fn start(&mut self, _start: &Start<'_>, _out: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }

    fn event(&mut self, _event: &Observation, _out: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }

    fn ending(&mut self, _explained: &Explained<'_>, _out: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }

    fn segment(
        &mut self,
        _stray: &Stray,
        _devices: &Devices,
        _out: &mut dyn Write,
    ) -> io::Result<()> {
        Ok(())
    }

    fn lost(&mut self, _lost: &Lost, _out: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }

    fn summary(&mut self, _tally: &Tally, _out: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }
}
