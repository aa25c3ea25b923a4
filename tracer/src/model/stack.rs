//! Stacks: as a hook took them, and as they are told.

mod own;

pub use own::{own_call, telling_call};

use super::{foreign::Foreign, observation::Observation, socket::SocketId, time::MonoNs};

/// What a stack goes by: the act's record it was taken with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StackId {
    /// When the act was.
    pub at: MonoNs,
    /// The CPU it was on.
    pub cpu: u16,
    /// The act's number among the records of that CPU.
    pub of_seq: u64,
}

/// Both stacks behind an act, as addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// The socket of the act; its address is zero without one.
    pub socket: SocketId,
    /// The act's number among the records of its CPU.
    pub of_seq: u64,
    /// Whose doing the act was.
    pub caller: Caller,
    /// Thread group on the CPU.
    pub pid: u32,
    /// Thread on the CPU.
    pub tid: u32,
    /// Start of the process, nanoseconds since boot; zero when unknown.
    pub start_ns: u64,
    /// Address of its address space, another one after each execve(2); zero when unknown.
    pub mm: u64,
    /// The kernel's side.
    pub kernel: Addresses,
    /// The program's side.
    pub user: Addresses,
    /// The program's registers at the system call, in the order of `struct pt_regs`; empty when
    /// they were not read.
    pub registers: Vec<u64>,
    /// The program's stack from the stack pointer on; empty when it was not read.
    pub memory: Vec<u8>,
}

impl Taken {
    /// What it goes by, as part of an observation.
    #[must_use]
    pub const fn id(&self, seen: &Observation) -> StackId {
        StackId {
            at: seen.at,
            cpu: seen.cpu,
            of_seq: self.of_seq,
        }
    }
}

/// Whose doing an act was, as far as it matters for stacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caller {
    /// A task's call.
    Task,
    /// A task that exits.
    Exiting,
    /// A kernel thread.
    KernelThread,
    /// The kernel, by itself.
    Kernel,
}

/// One side of a stack, as addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Addresses {
    /// Nobody asked for it.
    NotAsked,
    /// The frames, innermost first.
    Frames(Vec<u64>),
    /// The kernel could not take it: a positive errno.
    Failed(u16),
}

/// Both stacks behind an act, as they are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stack {
    /// The kernel's side.
    pub kernel: Side,
    /// The program's side.
    pub user: Side,
}

/// One side of a stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Side {
    /// Its frames.
    Frames {
        /// Innermost first; an inlined function comes before the one it was put into.
        frames: Vec<Frame>,
        /// Whether frames are missing at the outer end.
        truncated: bool,
    },
    /// There is none, for this reason.
    Absent(Absent),
}

impl Side {
    /// The frames, if there are any.
    #[must_use]
    pub fn frames(&self) -> &[Frame] {
        match self {
            Self::Frames { frames, .. } => frames,
            Self::Absent(_) => &[],
        }
    }
}

/// Why there is no stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Absent {
    /// Nobody asked for it.
    NotAsked,
    /// The kernel acted by itself: no program called it.
    NoCaller,
    /// A kernel thread acted, which has no program.
    KernelThread,
    /// The process was exiting and had given its memory up.
    Exited,
    /// The kernel could not take it.
    Failed,
}

impl Absent {
    /// Every reason.
    pub const ALL: [Self; 5] = [
        Self::NotAsked,
        Self::NoCaller,
        Self::KernelThread,
        Self::Exited,
        Self::Failed,
    ];

    /// Its name in output.
    #[must_use]
    pub const fn code(self) -> &'static str {
        match self {
            Self::NotAsked => "not_asked",
            Self::NoCaller => "no_caller",
            Self::KernelThread => "kernel_thread",
            Self::Exited => "exited",
            Self::Failed => "failed",
        }
    }
}

/// One call of a stack.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frame {
    /// Where it is in memory; in all but the innermost the instruction after the call.
    pub address: u64,
    /// The function.
    pub function: Option<Foreign>,
    /// Bytes from the function's begin.
    pub function_offset: Option<u64>,
    /// The file the code is in, or the kernel's word for what is no file; `None` for the kernel.
    pub module: Option<Foreign>,
    /// Where in that file.
    pub offset: Option<u64>,
    /// The same place by the addresses the file gives its parts, which a file with what was stripped
    /// off it shares; `None` where its headers were not read.
    pub elf_address: Option<u64>,
    /// The file's build id.
    pub build_id: Option<Foreign>,
    /// The source file.
    pub file: Option<Foreign>,
    /// The line in it.
    pub line: Option<u32>,
    /// Whether the function was put into the next frame's.
    pub inlined: bool,
}

impl Frame {
    /// Bytes it takes, roughly.
    #[must_use]
    pub fn weight(&self) -> usize {
        let names = [&self.function, &self.module, &self.build_id, &self.file];
        let names = names.into_iter().flatten().map(|name| name.bytes().len());
        size_of::<Self>() + names.sum::<usize>()
    }
}
