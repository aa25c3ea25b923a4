//! What the running kernel can tell at all, asked of the kernel itself and never of its version.
#![expect(
    unsafe_code,
    reason = "bpf programs are listed by a system call libc has no name for"
)]

use std::{fs, io, path::Path, process::Command};

use anyhow::Context as _;
use serde::Deserialize;

use super::{Lab, Way};
use crate::scene::truth::Expected;

/// Where the kernel describes its own types.
const BTF: &str = "/sys/kernel/btf/vmlinux";

/// What this kernel knows about resets.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kernel {
    /// It has `enum sk_rst_reason`, and with it the tracepoint for resets without a socket (6.10).
    pub(crate) answering_reasons: bool,
    /// Resets sent by calls carry a reason too (6.12).
    pub(crate) calling_reasons: bool,
    /// It has tracepoints where sockets send and receive (6.3).
    pub(crate) traces_lengths: bool,
}

impl Kernel {
    /// Asks the kernel's BTF for names of reasons.
    ///
    /// # Errors
    /// There is no BTF to read.
    pub(crate) fn of_this_machine() -> anyhow::Result<Self> {
        let btf = fs::read(BTF).with_context(|| format!("{BTF} cannot be read"))?;
        let has = |name: &[u8]| btf.windows(name.len()).any(|window| window == name);
        Ok(Self {
            answering_reasons: has(b"\0sk_rst_reason\0"),
            calling_reasons: has(b"\0SK_RST_REASON_TCP_ABORT_ON_CLOSE\0"),
            traces_lengths: has(b"\0btf_trace_sock_recv_length\0"),
        })
    }

    /// Whether the reset expected carries a reason here.
    pub(crate) fn gives_reason(self, expected: &Expected) -> bool {
        if expected.actor.is_none() {
            return self.answering_reasons;
        }
        self.calling_reasons
    }
}

impl Lab {
    /// Whether a reset that belongs to no socket reaches a hook: function hooks see it on every
    /// kernel, the tracepoint since it gives reasons (`tcp_v4_send_reset`, `net/ipv4/tcp_ipv4.c`).
    pub(crate) fn sees_answering_resets(&self) -> bool {
        self.kernel.answering_reasons || self.functions
    }
}

/// Why the way asked for cannot be used here, in finrst's own words; `None` when it can.
///
/// # Errors
/// `finrst check` could not be run or understood.
pub(crate) fn way_refused(lab: &Lab) -> anyhow::Result<Option<String>> {
    if lab.way == Way::Auto {
        return Ok(None);
    }
    let told = check(&lab.finrst, lab.way)?;
    Ok(refusal(&told, lab.way.name()))
}

/// Whether function hooks are in use this way: asked of finrst where it chooses for itself.
///
/// # Errors
/// `finrst check` could not be run or understood.
pub(crate) fn functions_hooked(finrst: &Path, way: Way) -> anyhow::Result<bool> {
    if way != Way::Auto {
        return Ok(way != Way::Tracepoint);
    }
    let told = check(finrst, way)?;
    let ways = told.points.iter().filter_map(|point| point.way.as_deref());
    Ok(ways
        .into_iter()
        .any(|way| ["fentry", "kprobe"].contains(&way)))
}

/// Which points are reached, by name.
///
/// # Errors
/// `finrst check` could not be run or understood.
pub(crate) fn reached(lab: &Lab) -> anyhow::Result<Vec<String>> {
    let points = check(&lab.finrst, lab.way)?.points.into_iter();
    let reached = points.filter(|point| point.way.is_some());
    Ok(reached.map(|point| point.name).collect())
}

/// What finrst says of this kernel.
fn check(finrst: &Path, way: Way) -> anyhow::Result<Check> {
    let mut command = Command::new(finrst);
    command.args(["check", "-o", "json"]);
    if way != Way::Auto {
        command.args(["--way", way.name()]);
    }
    let checked = command.output().context("finrst check cannot be run")?;
    serde_json::from_slice(&checked.stdout).context("finrst check -o json printed something else")
}

/// What `finrst check -o json` prints, as far as it is looked at.
#[derive(Debug, Deserialize)]
struct Check {
    /// Whether `finrst trace` would run.
    can_trace: bool,
    /// Why nothing could be attached.
    error: Option<String>,
    /// What became of each point.
    points: Vec<Point>,
}

/// One point of the kernel.
#[derive(Debug, Deserialize)]
struct Point {
    /// Its name.
    name: String,
    /// The way it is reached; `None` when it is not.
    way: Option<String>,
    /// The ways that were tried in vain.
    refused: Vec<Refused>,
}

/// A way that was tried in vain.
#[derive(Debug, Deserialize)]
struct Refused {
    /// The program that did not load or attach.
    program: String,
    /// Which way it is.
    way: String,
    /// Why.
    why: String,
}

/// Why a way does not work: finrst does not run at all, or no point is reached this way.
fn refusal(told: &Check, way: &str) -> Option<String> {
    let reached = |point: &Point| point.way.as_deref() == Some(way);
    if told.can_trace && told.points.iter().any(reached) {
        return None;
    }
    let refused = told.points.iter().flat_map(|point| &point.refused);
    let first = refused.into_iter().find(|refused| refused.way == way);
    let first = first.map(|refused| format!("{}: {}", refused.program, refused.why));
    let otherwise = || format!("no point is reached by {way}");
    Some(told.error.clone().or(first).unwrap_or_else(otherwise))
}

/// The ids of all BPF programs in the kernel.
///
/// # Errors
/// The caller lacks `CAP_SYS_ADMIN`.
pub(crate) fn bpf_programs() -> io::Result<Vec<u32>> {
    /// `BPF_PROG_GET_NEXT_ID` of `enum bpf_cmd`.
    const GET_NEXT_ID: libc::c_long = 11;
    let mut ids = Vec::new();
    let mut last = 0_u32;
    loop {
        // The members `start_id`, `next_id` and `open_flags` of `union bpf_attr`.
        let mut attributes = [last, 0, 0];
        let size = size_of_val(&attributes);
        // SAFETY: the kernel reads and writes `size` bytes of `attributes`, which has that many.
        let result =
            unsafe { libc::syscall(libc::SYS_bpf, GET_NEXT_ID, &raw mut attributes, size) };
        if result < 0 {
            let error = io::Error::last_os_error();
            return if error.raw_os_error() == Some(libc::ENOENT) {
                Ok(ids)
            } else {
                Err(error)
            };
        }
        [_, last, _] = attributes;
        ids.push(last);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(points: &str) -> Check {
        let text = format!(r#"{{"can_trace":true,"error":null,"points":[{points}]}}"#);
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn a_way_that_reaches_one_point_is_not_refused() {
        let told = told(
            r#"{"name":"a","way":"tracepoint","refused":[]},{"name":"b","way":"fentry","refused":[]}"#,
        );
        assert_eq!(refusal(&told, "fentry"), None);
    }

    #[test]
    fn a_way_that_reaches_no_point_is_refused_with_the_first_reason() {
        let refused = r#"{"program":"tcp_close_fentry","way":"fentry","why":"EPERM"}"#;
        let point = format!(r#"{{"name":"a","way":null,"refused":[{refused}]}}"#);
        let why = refusal(&told(&point), "fentry");
        assert_eq!(why.as_deref(), Some("tcp_close_fentry: EPERM"));
    }
}
