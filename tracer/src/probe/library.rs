//! The library that loads programs, without its readings of the kernel's types.
//!
//! It builds every type as a value of its own, which takes as long as all the rest of a start. All it
//! looks for are the numbers of functions and tracepoints, by their names.

use std::{collections::HashSet, path::Path, thread};

use aya::{EbpfLoader, Endianness};
use nix::{
    sched::{CloneFlags, unshare},
    unistd::chroot,
};

use super::{btf::Btf, catalog::POINTS, way::Hook};

/// A directory that is everywhere, and in which nothing is called `sys`.
const ELSEWHERE: &str = "/proc/self/fdinfo";

/// What the library has to know of the kernel's types; `None` when it cannot read them, which costs the
/// ways that need them.
#[must_use]
pub(super) fn types(btf: &Btf) -> Option<aya::Btf> {
    let names = names();
    let raw = btf.skeleton(|name| names.contains(name));
    aya::Btf::parse(&raw, Endianness::default()).ok()
}

/// What the kernel's types are asked for: the functions and tracepoints hooked by type.
fn names() -> HashSet<String> {
    let candidates = POINTS.iter().flat_map(|point| point.candidates);
    let targets =
        candidates.flat_map(|it| it.programs.iter().map(|&(_, target)| (it.hook, target)));
    targets
        .filter_map(|(hook, target)| match hook {
            Hook::Fentry => Some(target.to_owned()),
            // `__DEFINE_TRACE_EVENT`, `include/trace/bpf_probe.h`.
            Hook::TypedTracepoint => Some(format!("btf_trace_{target}")),
            Hook::Kprobe | Hook::RawTracepoint | Hook::Classifier | Hook::Uprobe => None,
        })
        .collect()
}

/// A loader that knows no types of the kernel.
///
/// `EbpfLoader::new` reads them in any case, before it can be told not to. So a thread begins it that
/// sees another root than everybody else, and finds none. Where it may not change its root, the types
/// are read for nothing.
#[must_use]
pub(super) fn loader() -> EbpfLoader<'static> {
    let begin = || {
        let _where_it_may =
            unshare(CloneFlags::CLONE_FS).and_then(|()| chroot(Path::new(ELSEWHERE)));
        EbpfLoader::new()
    };
    let thread = thread::Builder::new().name("loader".into()).spawn(begin);
    let loader = thread.ok().and_then(|thread| thread.join().ok());
    loader.unwrap_or_else(EbpfLoader::new)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::btf::tests::blob::Blob;

    /// Kinds, of `include/uapi/linux/btf.h`.
    const POINTER: u8 = 2;
    const TYPEDEF: u8 = 8;
    const FUNCTION: u8 = 12;

    #[test]
    fn functions_and_tracepoints_keep_their_numbers() {
        let mut blob = Blob::default();
        let word = blob.number("int", 4);
        blob.structure("pair", 8, &[("low", word, 0), ("high", word, 32)]);
        let prototype = blob.prototype(&[("sk", word)]);
        let function = blob.refer(FUNCTION, "tcp_close", prototype);
        blob.refer(FUNCTION, "nobody_hooks_this", prototype);
        blob.structure("btf_trace_tcp_destroy_sock", 4, &[("low", word, 0)]);
        let pointer = blob.refer(POINTER, "", prototype);
        let tracepoint = blob.refer(TYPEDEF, "btf_trace_tcp_destroy_sock", pointer);
        let types = types(&Btf::parse(blob.build()).unwrap()).unwrap();
        let number = |name, kind| types.id_by_type_name_kind(name, kind).ok();
        assert_eq!(
            number("tcp_close", aya_obj::btf::BtfKind::Func),
            Some(function)
        );
        assert_eq!(
            number("btf_trace_tcp_destroy_sock", aya_obj::btf::BtfKind::Typedef),
            Some(tracepoint)
        );
        assert_eq!(
            number("nobody_hooks_this", aya_obj::btf::BtfKind::Func),
            None
        );
    }

    #[test]
    fn the_loader_knows_no_types_and_this_thread_keeps_its_root() {
        let knows_none = format!("{:?}", loader()).starts_with("EbpfLoader { btf: None,");
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let held = status.lines().find_map(|it| it.strip_prefix("CapEff:"));
        let held = u64::from_str_radix(held.unwrap().trim(), 16).unwrap();
        // `CAP_SYS_CHROOT`, `include/uapi/linux/capability.h`.
        assert_eq!(knows_none, held >> 18 & 1 == 1);
        assert!(Path::new(ELSEWHERE).is_dir());
    }
}
