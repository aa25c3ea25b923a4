//! The executables a running kernel half is attached to.

use aya::programs::ProgramError;

use super::Session;
use crate::probe::callers::{Executable, Place};

impl Session {
    /// Hooks an executable of Go.
    ///
    /// # Errors
    ///
    /// aya refuses it, or the kernel does: nobody who asks for a close is known of its processes.
    pub fn hook_callers(&mut self, place: &Place) -> Result<(), ProgramError> {
        let programs = self.programs.as_mut();
        programs.map_or(Ok(()), |it| self.callers.hook(it, place))
    }

    /// Lets go of an executable that no process runs any more.
    pub fn unhook_callers(&mut self, executable: Executable) {
        self.callers.unhook(executable);
    }
}
