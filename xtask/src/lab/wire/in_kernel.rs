//! The captures in the kernel: their segments come by the buffers of the hooks, so that slow guests
//! see them as well.

mod reject;

use std::time::Duration;

use anyhow::{Context as _, bail, ensure};

use super::{fits, joined_storm, stories};
use crate::{
    lab::{Lab, Test, played, score::Score, stopping::killed_with, told::Segment, tracer::Tracer},
    scene::truth::Told,
};

/// The tests, by name.
pub(crate) const IN_KERNEL: &[(&str, Test)] = &[
    ("wire/xmit_ipv6_joined", |lab| ipv6(lab, "xmit")),
    ("wire/xmit_stories", |lab| stories::told(lab, "xmit")),
    ("wire/xmit_killed_leaves_nothing", |lab| killed(lab, "xmit")),
    ("wire/tcx_ipv6_joined", |lab| tcx(lab, ipv6)),
    ("wire/tcx_stories", |lab| tcx(lab, stories::told)),
    ("wire/tcx_killed_leaves_nothing", |lab| tcx(lab, killed)),
];

/// Those for real machines only: guests have no nft.
pub(crate) const REJECTED: &[(&str, Test)] = &[
    ("wire/xmit_sees_what_rejects", |lab| {
        reject::seen(lab, "xmit")
    }),
    ("wire/tcx_sees_what_rejects", |lab| tcx(lab, reject::seen)),
];

/// A test by the classifiers, where the kernel has links for them; elsewhere finrst must refuse.
fn tcx(lab: &Lab, test: impl FnOnce(&Lab, &str) -> anyhow::Result<()>) -> anyhow::Result<()> {
    let arguments = ["--wire", "tcx", "--duration", "0s"].map(str::to_owned);
    let tried = lab.trace(&arguments).output()?;
    let said = String::from_utf8_lossy(&tried.stderr);
    match tried.status.code() {
        Some(0) => test(lab, "tcx"),
        Some(4) if said.contains("segment_passed") && said.contains("hint:") => {
            ensure!(!has_links()?, "refused where there are links: {said}");
            Ok(())
        }
        other => bail!("it ended with {other:?}: {}", said.trim()),
    }
}

/// A storm by hooks of the kernel's own.
pub(super) fn xmit_storm(lab: &Lab, score: &mut Score) -> anyhow::Result<()> {
    joined_storm(lab, "xmit", score).map(drop)
}

/// A storm by the classifiers.
pub(super) fn tcx_storm(lab: &Lab, score: &mut Score) -> anyhow::Result<()> {
    tcx(lab, |lab, wire| joined_storm(lab, wire, score).map(drop))
}

/// Whether this kernel has links for classifiers, which came with 6.6.
fn has_links() -> anyhow::Result<bool> {
    let name = nix::sys::utsname::uname()?;
    let release = name.release().to_string_lossy();
    let mut numbers = release.split(['.', '-']).map(str::parse::<u32>);
    let (major, minor) = (numbers.next().transpose()?, numbers.next().transpose()?);
    Ok(major.zip(minor).context("a release without numbers")? >= (6, 6))
}

/// Over IPv6 every act has one segment of its own.
fn ipv6(lab: &Lab, wire: &str) -> anyhow::Result<()> {
    let arguments = ["--wire", wire].map(str::to_owned);
    let mut tracer = Tracer::start(lab.trace(&arguments), lab.patience(Duration::from_secs(20)))?;
    let told: Told = played::play("ipv6", &[])?;
    let port = told.expected.first().context("nothing is expected")?.local;
    let ours = |it: &crate::lab::told::Ending| {
        [it.connection.local.port, it.connection.remote.port].contains(&port.port())
            && it.connection.local.addr.is_ipv6()
    };
    tracer.watch(lab.patience(Duration::from_secs(5)), |told| {
        told.iter().filter(|it| ours(it)).count() >= 2
    })?;
    let ended = tracer.stop()?;
    let endings: Vec<_> = ended.endings.iter().filter(|it| ours(it)).collect();
    ensure!(endings.len() >= 2, "{} of 2 ends are told", endings.len());
    for ending in endings {
        let segments = ending.segments.as_deref().context("no segments are told")?;
        for act in &ending.acts {
            let own = |it: &&Segment| it.kernel_ns == Some(act.mono_ns) && fits(it, &act.how);
            let count = segments.iter().filter(own).count();
            ensure!(count == 1, "{count} segments of {act:?}: {segments:?}");
        }
    }
    Ok(())
}

/// SIGKILL: no program is left, on no device either.
fn killed(lab: &Lab, wire: &str) -> anyhow::Result<()> {
    killed_with(lab, &["--wire", wire])
}
