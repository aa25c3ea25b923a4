//! One boot of a guest, its console read line by line.

use std::path::Path;

use anyhow::{Context as _, Result, bail};

use super::kernels::Kernel;
use crate::shell;

/// How long a guest may run, in seconds.
const LIMIT: &str = "2700";

/// The guest: two processors, no screen, no network, and an end instead of a restart.
///
/// Emulated, never virtualised: a guest that is itself inside a virtual machine may hang on
/// `/dev/kvm`, and a kernel of the matrix boots in seconds without.
const MACHINE: &str = "-accel tcg,thread=multi -smp 2 -cpu max -m 768 \
                       -display none -monitor none -nic none -no-reboot";

/// What the kernel is told. Emulated on a busy machine, its timer may tick too late for the test
/// at boot, which then takes it for broken.
const APPEND: &str = "console=ttyS0 panic=-1 no_timer_check quiet loglevel=1";

/// Boots a kernel, hands each line of its console to `each`, and waits for it to power off.
///
/// # Errors
/// When qemu cannot be run, fails, or reaches the time limit.
pub(super) fn boot(kernel: &Kernel, image: &Path, each: impl FnMut(&str)) -> Result<()> {
    let serial = format!("file:{}", kernel.btf_from_guest().display());
    let second = if kernel.has_btf() { "null" } else { &serial };
    let mut qemu = shell::program("timeout", &["--foreground", LIMIT, "qemu-system-x86_64"]);
    qemu.args(MACHINE.split(' '))
        .args(["-serial", "stdio", "-serial", second])
        .args(["-append", APPEND])
        .arg("-kernel")
        .arg(kernel.image())
        .arg("-initrd")
        .arg(image);
    let status = shell::follow(&mut qemu, each).context("run `cargo xtask setup` first")?;
    if status.code() == Some(124) {
        bail!("the guest did not end within {LIMIT} seconds");
    }
    shell::succeeded(&qemu, status)
}
