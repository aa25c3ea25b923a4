//! The header every record starts with, and the closed set of record kinds.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::layout::assert_layout;

mod accepted;
mod close_asked;
mod close_called;
mod destroyed;
mod fin_queued;
mod fin_retransmitted;
mod held_open;
mod process;
mod queued;
mod rst_answered;
mod rst_received;
mod rst_sent;
mod segment_seen;
mod shutdown_called;
mod stack;
mod state_changed;

pub use accepted::Accepted;
pub use close_asked::CloseAsked;
pub use close_called::CloseCalled;
pub use destroyed::Destroyed;
pub use fin_queued::FinQueued;
pub use fin_retransmitted::FinRetransmitted;
pub use held_open::HeldOpen;
pub use process::{ProcessExeced, ProcessExited, ProcessForked};
pub use queued::Queued;
pub use rst_answered::{RstAnswered, Segment};
pub use rst_received::RstReceived;
pub use rst_sent::RstSent;
pub use segment_seen::{SegmentSeen, direction, vlan};
pub use shutdown_called::ShutdownCalled;
pub use stack::Stack;
pub use state_changed::{HeldBack, StateChanged};

/// First 32 bytes of every record.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, KnownLayout, Immutable,
)]
#[repr(C)]
pub struct Header {
    /// When the hook ran, nanoseconds of `CLOCK_MONOTONIC` (`bpf_ktime_get_ns`).
    pub at_ns: u64,
    /// Records this CPU had tried to send before this one, lost ones included.
    ///
    /// Two hooks nested on one CPU may share a number; the exact account is the counters'.
    pub seq: u64,
    /// Which record follows; a value of [`Kind`].
    pub kind: u16,
    /// Size of the whole record in bytes.
    pub size: u16,
    /// CPU the hook ran on.
    pub cpu: u16,
    /// Bits of [`context`].
    pub context: u16,
    /// Thread group (process) on the CPU, as the initial pid namespace numbers it; zero when idle.
    pub tgid: u32,
    /// Thread on the CPU, as the initial pid namespace numbers it; zero when idle.
    pub tid: u32,
}

assert_layout!(Header, size = 32, {
    at_ns: 0, seq: 8, kind: 16, size: 18, cpu: 20, context: 22, tgid: 24, tid: 28,
});

/// Bits of [`Header::context`]: whether the running task has anything to do with the event.
pub mod context {
    /// The running task made the kernel do this: it holds the socket's lock, or the hook only
    /// ever runs on behalf of a task.
    pub const TASK: u16 = 1;
    /// The kernel acted by itself, on a segment or a timer; the running task is a bystander.
    pub const SOFTIRQ: u16 = 1 << 1;
    /// The running task is exiting (`PF_EXITING`).
    pub const EXITING: u16 = 1 << 2;
    /// The running task is a kernel thread (`PF_KTHREAD`).
    pub const KTHREAD: u16 = 1 << 3;
    /// The running task executes another program (`execve(2)`), and closes on the way; set only
    /// where the release of a file is reported.
    pub const EXECUTING: u16 = 1 << 4;
}

/// What a record says happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u16)]
pub enum Kind {
    /// `tcp_close` was called; the record is [`CloseCalled`].
    CloseCalled = 1,
    /// `tcp_shutdown` was called; the record is [`ShutdownCalled`].
    ShutdownCalled = 2,
    /// A FIN was put into the write queue; the record is [`FinQueued`].
    FinQueued = 3,
    /// An RST left for a live socket; the record is [`RstSent`].
    RstSent = 4,
    /// An RST answered a segment; the record is [`RstAnswered`].
    RstAnswered = 5,
    /// A socket changed its TCP state; the record is [`StateChanged`].
    StateChanged = 6,
    /// The kernel aborted a connection because of a segment; the record is [`RstReceived`].
    RstReceived = 7,
    /// A segment with a FIN was sent again; the record is [`FinRetransmitted`].
    FinRetransmitted = 8,
    /// The kernel gave up a socket; the record is [`Destroyed`].
    Destroyed = 9,
    /// A thread exited; the record is [`ProcessExited`].
    ProcessExited = 10,
    /// A process executed another program; the record is [`ProcessExeced`].
    ProcessExeced = 11,
    /// A process or thread was created; the record is [`ProcessForked`].
    ProcessForked = 12,
    /// A process took a connection from a listener's queue; the record is [`Accepted`].
    Accepted = 13,
    /// A descriptor was closed and its connection lives on; the record is [`HeldOpen`].
    HeldOpen = 14,
    /// A connection was queued on one of a port's listeners; the record is [`Queued`].
    Queued = 15,
    /// A FIN or RST passed a device; the record is [`SegmentSeen`].
    SegmentSeen = 16,
    /// How an act came about, call by call; the record begins with [`Stack`].
    Stack = 20,
    /// A goroutine asked for a connection to be closed; the record is [`CloseAsked`].
    CloseAsked = 22,
}

impl Kind {
    /// Every kind, in the order of its number.
    pub const ALL: [Self; 18] = [
        Self::CloseCalled,
        Self::ShutdownCalled,
        Self::FinQueued,
        Self::RstSent,
        Self::RstAnswered,
        Self::StateChanged,
        Self::RstReceived,
        Self::FinRetransmitted,
        Self::Destroyed,
        Self::ProcessExited,
        Self::ProcessExeced,
        Self::ProcessForked,
        Self::Accepted,
        Self::HeldOpen,
        Self::Queued,
        Self::SegmentSeen,
        Self::Stack,
        Self::CloseAsked,
    ];

    /// Reads a kind off the wire; `None` for a value this build does not know.
    #[must_use]
    pub const fn from_wire(raw: u16) -> Option<Self> {
        match raw {
            1 => Some(Self::CloseCalled),
            2 => Some(Self::ShutdownCalled),
            3 => Some(Self::FinQueued),
            4 => Some(Self::RstSent),
            5 => Some(Self::RstAnswered),
            6 => Some(Self::StateChanged),
            7 => Some(Self::RstReceived),
            8 => Some(Self::FinRetransmitted),
            9 => Some(Self::Destroyed),
            10 => Some(Self::ProcessExited),
            11 => Some(Self::ProcessExeced),
            12 => Some(Self::ProcessForked),
            13 => Some(Self::Accepted),
            14 => Some(Self::HeldOpen),
            15 => Some(Self::Queued),
            16 => Some(Self::SegmentSeen),
            20 => Some(Self::Stack),
            22 => Some(Self::CloseAsked),
            _ => None,
        }
    }

    /// The value that goes on the wire.
    #[must_use]
    #[expect(clippy::as_conversions, reason = "reads the declared discriminant")]
    pub const fn to_wire(self) -> u16 {
        self as u16
    }

    /// The kind's place in a table of counters; never zero.
    #[must_use]
    #[expect(clippy::as_conversions, reason = "reads the declared discriminant")]
    pub const fn index(self) -> u32 {
        self as u32
    }

    /// The kind's bit in [`Settings::kinds`](crate::settings::Settings::kinds).
    #[must_use]
    pub const fn bit(self) -> u32 {
        1 << self.index()
    }

    /// The kind's name in output and counters, `snake_case`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::CloseCalled => "close_called",
            Self::ShutdownCalled => "shutdown_called",
            Self::FinQueued => "fin_queued",
            Self::RstSent => "rst_sent",
            Self::RstAnswered => "rst_answered",
            Self::StateChanged => "state_changed",
            Self::RstReceived => "rst_received",
            Self::FinRetransmitted => "fin_retransmitted",
            Self::Destroyed => "destroyed",
            Self::ProcessExited => "process_exited",
            Self::ProcessExeced => "process_execed",
            Self::ProcessForked => "process_forked",
            Self::Accepted => "accepted",
            Self::HeldOpen => "held_open",
            Self::Queued => "queued",
            Self::SegmentSeen => "segment_seen",
            Self::Stack => "stack",
            Self::CloseAsked => "close_asked",
        }
    }
}

/// A record that may travel from the kernel half to the user half.
pub trait Record: IntoBytes + FromBytes + Immutable + KnownLayout {
    /// The kind its header carries.
    const KIND: Kind;
    /// Its size in bytes, as its header carries it.
    const SIZE: u16;

    /// Its header.
    fn header_mut(&mut self) -> &mut Header;
}

/// Declares that a type is the record of a kind, and that it starts with a [`Header`].
macro_rules! record {
    ($t:ident) => {
        impl super::Record for $t {
            const KIND: super::Kind = super::Kind::$t;
            #[expect(
                clippy::as_conversions,
                clippy::cast_possible_truncation,
                reason = "asserted to fit below"
            )]
            const SIZE: u16 = core::mem::size_of::<$t>() as u16;

            #[inline(always)]
            fn header_mut(&mut self) -> &mut super::Header {
                &mut self.header
            }
        }
        const _: () = assert!(core::mem::offset_of!($t, header) == 0, "header comes first");
        // The kernel half builds records on its 512-byte stack.
        const _: () = assert!(
            core::mem::size_of::<$t>() <= 264,
            "too large for the kernel half"
        );
    };
}

pub(crate) use record;
