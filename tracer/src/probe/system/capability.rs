//! The Linux capabilities finrst uses and what each is for.

/// A Linux capability and what finrst does with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capability {
    /// Its bit in a capability set, as in `include/uapi/linux/capability.h`.
    pub number: u8,
    /// Its name, as setcap(8) takes it in capitals.
    pub name: &'static str,
    /// What finrst does with it.
    pub purpose: &'static str,
    /// Whether nothing works without it, unless [`SYS_ADMIN`] is held.
    pub required: bool,
}

impl Capability {
    /// Whether a capability set holds it.
    #[must_use]
    pub fn is_in(&self, set: u64) -> bool {
        set >> self.number & 1 == 1
    }
}

/// Stands in for the required ones, which kernels before 5.8 do not have.
pub const SYS_ADMIN: Capability = Capability {
    number: 21,
    name: "CAP_SYS_ADMIN",
    purpose: "stands in for CAP_BPF and CAP_PERFMON, which kernels before 5.8 do not have",
    required: false,
};

/// Loads programs and maps; the newest capability finrst needs.
pub const BPF: Capability = Capability {
    number: 39,
    name: "CAP_BPF",
    purpose: "loading the hooks and their maps",
    required: true,
};

/// The number of `CAP_CHECKPOINT_RESTORE`, which kernels before 5.9 do not have.
pub const CHECKPOINT_RESTORE: u8 = 40;

/// Every capability finrst uses, the required ones first.
pub const CAPABILITIES: [Capability; 10] = [
    BPF,
    Capability {
        number: 38,
        name: "CAP_PERFMON",
        purpose: "attaching the hooks and reading kernel memory from them",
        required: true,
    },
    SYS_ADMIN,
    Capability {
        number: 24,
        name: "CAP_SYS_RESOURCE",
        purpose: "raising the limit of locked memory, which maps count against before 5.11",
        required: false,
    },
    Capability {
        number: 14,
        name: "CAP_IPC_LOCK",
        purpose: "perf buffers larger than kernel.perf_event_mlock_kb allows",
        required: false,
    },
    Capability {
        number: 19,
        name: "CAP_SYS_PTRACE",
        purpose: "reading which sockets and programs other users' processes have open",
        required: false,
    },
    Capability {
        number: 2,
        name: "CAP_DAC_READ_SEARCH",
        purpose: "reading symbols from programs that only their owners may read",
        required: false,
    },
    Capability {
        number: 34,
        name: "CAP_SYSLOG",
        purpose: "reading kernel addresses for the names in kernel stacks",
        required: false,
    },
    Capability {
        number: 13,
        name: "CAP_NET_RAW",
        purpose: "capturing segments",
        required: false,
    },
    Capability {
        number: 12,
        name: "CAP_NET_ADMIN",
        purpose: "asking the kernel for the facts of sockets it keeps for administrators",
        required: false,
    },
];
