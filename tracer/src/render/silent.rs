//! Tells nothing: for runs that are only recorded.

use std::io::{self, Write};

use super::{Explained, Render};

/// Writes nothing.
#[derive(Clone, Copy, Debug)]
pub struct Silent;

impl Render for Silent {
    fn ending(&mut self, _explained: &Explained<'_>, _out: &mut dyn Write) -> io::Result<()> {
        Ok(())
    }
}
