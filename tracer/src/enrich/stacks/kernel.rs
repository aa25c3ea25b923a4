//! Names of the kernel's functions, from `/proc/kallsyms`.

use std::{fs::File, io::Read};

use blazesym::{
    MaybeDefault,
    symbolize::source::{self, Source},
};

use crate::model::{foreign::Foreign, stack::Frame};

/// What a hook itself puts on the stack, by how its functions' names begin.
const TRACING: [&str; 16] = [
    "bpf_prog_",
    "bpf_trace_run",
    "bpf_trampoline_",
    "bpf_get_stack",
    "bpf_overflow",
    "__bpf_",
    "___bpf_",
    "__traceiter_",
    "trace_call_bpf",
    "perf_trace_",
    "kprobe_",
    "aggr_pre_handler",
    "ftrace_",
    "arch_ftrace_",
    "__ftrace_",
    "opt_pre_handler",
];

/// Whether the kernel tells where its functions are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KernelNames {
    /// It does.
    Told,
    /// It gives every function the address zero: `kernel.kptr_restrict`, or no `CAP_SYSLOG`.
    Hidden,
    /// There is no `/proc/kallsyms` to be read.
    Missing,
}

/// Whether the running kernel tells where its functions are.
#[must_use]
pub fn kernel_names() -> KernelNames {
    let mut begin = [0; 4096];
    let read = File::open("/proc/kallsyms").and_then(|mut file| file.read(&mut begin));
    let begin = read.ok().and_then(|length| begin.get(..length));
    let addresses = begin
        .into_iter()
        .flat_map(|begin| begin.split(|&byte| byte == b'\n'));
    let mut some = addresses.filter_map(|line| line.split(|&byte| byte == b' ').next());
    let mut seen = false;
    let told = some.any(|address| {
        seen |= !address.is_empty();
        address.iter().any(|&digit| digit != b'0')
    });
    match (told, seen) {
        (true, _) => KernelNames::Told,
        (false, true) => KernelNames::Hidden,
        (false, false) => KernelNames::Missing,
    }
}

/// Where the running kernel's names are; an image of it would say no more.
pub(super) fn source() -> Source<'static> {
    Source::Kernel(source::Kernel {
        vmlinux: MaybeDefault::None,
        debug_syms: false,
        ..source::Kernel::default()
    })
}

/// The stack without what the hook itself put on it.
pub(super) fn without_tracing(mut frames: Vec<Frame>) -> Vec<Frame> {
    let ours = |frame: &Frame| {
        let name = frame.function.as_ref().map(Foreign::bytes);
        let name = name.unwrap_or_default();
        TRACING
            .iter()
            .any(|begin| name.starts_with(begin.as_bytes()))
    };
    let begin = frames.iter().position(|frame| !ours(frame));
    frames.drain(..begin.unwrap_or(0));
    frames
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stack(names: &[&str]) -> Vec<Frame> {
        let frame = |name: &&str| Frame {
            function: Some(name.as_bytes().into()),
            ..Frame::default()
        };
        names.iter().map(frame).collect()
    }

    #[test]
    fn what_the_hook_put_there_is_left_out_and_nothing_else() {
        let names = [
            "bpf_prog_1_x",
            "bpf_trace_run2",
            "tcp_set_state",
            "kprobe_x",
            "tcp_close",
        ];
        let told = without_tracing(stack(&names));
        assert_eq!(told, stack(&["tcp_set_state", "kprobe_x", "tcp_close"]));
    }

    #[test]
    fn a_stack_of_nothing_else_is_told_whole() {
        let names = ["bpf_prog_1_x", "bpf_trace_run2"];
        assert_eq!(without_tracing(stack(&names)), stack(&names));
        let unknown = vec![Frame::default()];
        assert_eq!(without_tracing(unknown.clone()), unknown);
    }
}
