//! The frozen globals user space fills; every read is a constant to the verifier.
#![expect(
    unsafe_code,
    reason = "globals are overwritten before load, so reads are volatile"
)]

use core::ptr;

use tracer_common::{
    CONTRACT as VERSION,
    settings::{Offsets, Settings},
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

/// Whether any of these filters is set.
#[inline(always)]
pub(crate) fn filters(mask: u32) -> bool {
    setting(|settings| &settings.filters) & mask != 0
}
