//! How programs attach, and the three ways users choose from.

/// How a program attaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hook {
    /// The entry of a function, through a trampoline.
    Fentry,
    /// The entry of a function, through a breakpoint or ftrace.
    Kprobe,
    /// A tracepoint whose arguments the verifier knows (`tp_btf`).
    TypedTracepoint,
    /// A tracepoint with raw arguments (`raw_tp`).
    RawTracepoint,
    /// A side of a network device, by a link of its own (`tcx`).
    Classifier,
    /// A function of programs, through a breakpoint.
    Uprobe,
}

/// The three ways users choose from with `--way`, and that of segments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Way {
    /// Function entries through trampolines.
    Fentry,
    /// Function entries through breakpoints.
    Kprobe,
    /// Tracepoints only.
    Tracepoint,
    /// Devices; nothing else is reached that way, so it is not to choose.
    Tcx,
    /// Functions of programs; nothing of the kernel is reached that way either.
    Uprobe,
}

impl Way {
    /// Its name in output and on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fentry => "fentry",
            Self::Kprobe => "kprobe",
            Self::Tracepoint => "tracepoint",
            Self::Tcx => "tcx",
            Self::Uprobe => "uprobe",
        }
    }
}

impl Hook {
    /// The way this hook belongs to.
    #[must_use]
    pub const fn way(self) -> Way {
        match self {
            Self::Fentry => Way::Fentry,
            Self::Kprobe => Way::Kprobe,
            Self::TypedTracepoint | Self::RawTracepoint => Way::Tracepoint,
            Self::Classifier => Way::Tcx,
            Self::Uprobe => Way::Uprobe,
        }
    }

    /// Its name in output.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Fentry => "fentry",
            Self::Kprobe => "kprobe",
            Self::TypedTracepoint => "tp_btf",
            Self::RawTracepoint => "raw_tp",
            Self::Classifier => "tcx",
            Self::Uprobe => "uprobe",
        }
    }
}

/// What may be attached.
#[derive(Clone, Copy, Debug, Default)]
pub struct Allowed {
    /// The way all points are to be hooked; `None` for the best of each.
    pub way: Option<Way>,
    /// Whether every system call of the machine may be slowed down.
    pub system_calls: bool,
}
