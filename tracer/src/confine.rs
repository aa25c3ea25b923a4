//! What finrst gives up for good once its hooks are attached: capabilities, and system calls that
//! nothing after that needs.
//!
//! Refuses to guess: what a run goes on to need is said by [`Needs`]. Landlock is not used, because who is
//! confined by it may not look at processes outside (docs/decisions/0031).

mod calls;
mod capabilities;

pub use calls::{ConfineError, forbid_calls};
pub use capabilities::keep_capabilities;

/// What a run goes on to need.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a need of its own, and any may come with any"
)]
pub struct Needs {
    /// Other network namespaces are entered, and asked about connections and segments.
    pub namespaces: bool,
    /// More is hooked later: programs of Go that are started, devices that come.
    pub hooks: bool,
    /// Files are written that are not open yet.
    pub files: bool,
    /// A command runs that is to be killed with finrst.
    pub command: bool,
    /// The kernel has no `CAP_BPF` (before 5.8), or no `CAP_CHECKPOINT_RESTORE` (before 5.9):
    /// `CAP_SYS_ADMIN` stands in.
    pub old_kernel: bool,
}
