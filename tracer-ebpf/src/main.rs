//! The kernel half: one file per kernel symbol hooked, one way out. It reads and judges nothing.
#![no_std]
#![no_main]
#![feature(core_intrinsics)]
#![expect(
    internal_features,
    reason = "core::sync::atomic has no fetch_add on BPF"
)]
#![expect(
    clippy::needless_pass_by_value,
    reason = "the attribute macros pass contexts by value"
)]

mod emit;
mod filter;
mod gather;
mod hooks;
mod kernel;
mod listener;
mod maps;
mod packet;
mod segment;
mod settings;
mod stack;
mod touch;
mod transition;

#[cfg(target_arch = "bpf")]
#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}

#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
#[expect(unsafe_code, reason = "the kernel finds the licence by section name")]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";
