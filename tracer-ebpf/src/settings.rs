//! The frozen globals user space fills; every read is a constant to the verifier.
#![expect(
    unsafe_code,
    reason = "globals are overwritten before load, so reads are volatile"
)]

use core::ptr;

use tracer_common::{
    CONTRACT as VERSION,
    settings::{NETWORKS, Network, Offsets, Settings},
};

/// The contract this object was built against; user space compares it before anything is loaded.
#[unsafe(no_mangle)]
#[used]
static CONTRACT: u32 = VERSION;

/// Where the running kernel keeps its fields.
#[unsafe(no_mangle)]
static OFFSETS: Offsets = Offsets::NONE;

/// How to run.
#[unsafe(no_mangle)]
static SETTINGS: Settings = Settings {
    kinds: 0,
    filters: 0,
    transport: 0,
    wakeup_bytes: 0,
    tick_us: 0,
    has_task_pt_regs: 0,
    device: 0,
    netns: 0,
    stacks: 0,
    gather: 0,
    networks: 0,
    has_task_btf: 0,
    network: [NO_NETWORK; NETWORKS],
};

/// A network no address is in.
const NO_NETWORK: Network = Network {
    mask: [0; 2],
    prefix: [u64::MAX; 2],
};

/// The offset `pick` chooses.
#[inline(always)]
pub(crate) fn offset(pick: impl FnOnce(&'static Offsets) -> &'static u16) -> u16 {
    // SAFETY: the reference points into a static; volatile because user space replaced its value.
    unsafe { ptr::read_volatile(pick(&OFFSETS)) }
}

/// The setting `pick` chooses.
#[inline(always)]
pub(crate) fn setting(pick: impl FnOnce(&'static Settings) -> &'static u32) -> u32 {
    // SAFETY: as in `offset`.
    unsafe { ptr::read_volatile(pick(&SETTINGS)) }
}

/// Whether an address is in the `at`th wanted network; it is halved as [`Network`] is.
#[inline(always)]
pub(crate) fn in_network(at: usize, address: [u64; 2]) -> bool {
    // SAFETY: as in `offset`. A word at a time, for a copy of all would be on the stack.
    let word = |word: &u64| unsafe { ptr::read_volatile(word) };
    let Some(Network { mask, prefix }) = SETTINGS.network.get(at) else {
        return false;
    };
    let mut found = true;
    for ((address, mask), prefix) in address.iter().zip(mask).zip(prefix) {
        found &= address & word(mask) == word(prefix);
    }
    found
}

/// Whether any of these filters is set.
#[inline(always)]
pub(crate) fn filters(mask: u32) -> bool {
    setting(|settings| &settings.filters) & mask != 0
}
