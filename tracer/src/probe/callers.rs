//! The hook in programs of Go: attached to each executable while a process runs it, and no longer.
//!
//! A breakpoint belongs to the file and the place in it: in a file that was written over it would
//! break the next program. While a process runs an executable, nobody can write to it.

use std::{collections::HashMap, fs::File, os::fd::AsRawFd as _};

use aya::{
    Ebpf,
    programs::{
        ProgramError, UProbe,
        uprobe::{UProbeLink, UProbeScope},
    },
};

use super::catalog::GO_CLOSE;

/// An executable by what it is, not by its name: device and inode.
pub type Executable = (u64, u64);

/// Where an executable is to be hooked.
#[derive(Debug)]
pub struct Place {
    /// Which executable.
    pub executable: Executable,
    /// The file, open.
    pub file: File,
    /// Where in it the function begins, in bytes.
    pub offset: u64,
}

/// The executables hooked.
#[derive(Default)]
pub(super) struct Callers(HashMap<Executable, UProbeLink>);

impl Callers {
    /// Hooks an executable, unless it is hooked.
    ///
    /// # Errors
    ///
    /// aya refuses it, or the kernel does.
    pub(super) fn hook(&mut self, object: &mut Ebpf, place: &Place) -> Result<(), ProgramError> {
        if self.0.contains_key(&place.executable) {
            return Ok(());
        }
        let Some(program) = object.program_mut(GO_CLOSE) else {
            return Ok(());
        };
        let program: &mut UProbe = program.try_into()?;
        // The descriptor means that very file, whatever became of its name.
        let path = format!("/proc/self/fd/{}", place.file.as_raw_fd());
        let link = program.attach(place.offset, path, UProbeScope::AllProcesses)?;
        self.0.insert(place.executable, program.take_link(link)?);
        Ok(())
    }

    /// Lets go of an executable.
    pub(super) fn unhook(&mut self, executable: Executable) {
        self.0.remove(&executable);
    }
}
