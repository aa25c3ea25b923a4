//! Exit codes, part of the contract with scripts, and errors that know theirs.

use std::fmt;

use crate::model::foreign::tamed;

/// How finrst ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// All went well.
    Ok,
    /// Something failed while running.
    Runtime,
    /// What was asked makes no sense.
    Usage,
    /// Privileges are missing.
    Privileges,
    /// The kernel lacks something finrst needs.
    Kernel,
    /// All went well, but records were lost and `--fail-on-loss` was given.
    Lost,
    /// All went well, and connections were found that somebody forgot.
    Leaks,
    /// Less was caught in time than was asked for.
    NotCaught,
    /// Interrupted before as much was caught as was asked for.
    Interrupted,
    /// The traced command ended with this status, or 128 plus its signal.
    Command(u8),
}

impl Exit {
    /// The number.
    #[must_use]
    pub const fn code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Runtime => 1,
            Self::Usage => 2,
            Self::Privileges => 3,
            Self::Kernel => 4,
            Self::Lost => 5,
            Self::Leaks => 6,
            Self::NotCaught => 124,
            Self::Interrupted => 130,
            Self::Command(code) => code,
        }
    }
}

/// An error, the exit code it leads to, and what the user can do about it.
#[derive(Debug)]
pub struct Failure {
    /// The code.
    pub exit: Exit,
    /// What failed.
    pub error: anyhow::Error,
    /// What to do; empty when nothing better is known than the error itself.
    pub hint: String,
}

impl Failure {
    /// A failure with advice.
    pub fn new(exit: Exit, error: impl Into<anyhow::Error>, hint: impl Into<String>) -> Self {
        Self {
            exit,
            error: error.into(),
            hint: hint.into(),
        }
    }
}

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::new(Exit::Runtime, error, "")
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Paths and what recordings say of themselves may be in it.
        write!(f, "finrst: {}", tamed(&format!("{:#}", self.error)))?;
        if !self.hint.is_empty() {
            write!(f, "\nhint: {}", tamed(&self.hint))?;
        }
        Ok(())
    }
}
