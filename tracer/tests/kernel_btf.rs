//! The walker against `bpftool btf dump -j`, on this kernel and on every kernel it is given.
//!
//! `FINRST_BTF_DIR` names a directory of kernels, each a directory with a raw `btf` in it.
//! With `FINRST_NO_SKIP=1` a comparison that cannot be made fails.

#[cfg(test)]
#[path = "kernel_btf/dump.rs"]
mod dump;

#[cfg(test)]
mod tests {
    use std::{
        env, fs,
        path::{Path, PathBuf},
    };

    use tracer::probe::{
        btf::{Btf, FieldError, VMLINUX},
        offsets::{self, Resolved},
    };
    use tracer_common::settings::FIELDS;

    use crate::dump::Dump;

    const ENUMERATIONS: [&str; 3] = ["sk_rst_reason", "skb_drop_reason", "no_enum_of_this_name"];

    const FUNCTIONS: [&str; 9] = [
        "inet_csk_accept",
        "tcp_close",
        "tcp_send_active_reset",
        "tcp_send_fin",
        "tcp_set_state",
        "tcp_shutdown",
        "tcp_v4_send_reset",
        "tcp_v6_send_reset",
        "no_function_of_this_name",
    ];

    const TRACEPOINTS: [&str; 9] = [
        "inet_sock_set_state",
        "tcp_send_reset",
        "tcp_receive_reset",
        "tcp_destroy_sock",
        "tcp_retransmit_skb",
        "sched_process_exit",
        "sched_process_exec",
        "sched_process_fork",
        "no_tracepoint_of_this_name",
    ];

    fn skip(reason: &str) {
        eprintln!("SKIP {reason}");
        let strict = env::var_os("FINRST_NO_SKIP").is_some_and(|value| value == "1");
        assert!(!strict, "skipped: {reason}");
    }

    /// Compares everything finrst asks of a kernel's BTF; how many of the things asked it has.
    fn compare(btf: &Btf, dump: &Dump) -> usize {
        let mut present = 0;
        for field in FIELDS {
            let (structure, member) = (field.structure, field.path);
            let found = match btf.field(structure, member) {
                Ok(found) => Some((found.offset_bits, found.size_bits, found.bitfield)),
                Err(FieldError::Malformed { source, .. }) => {
                    panic!("{structure}.{member}: {source}")
                }
                Err(_) => None,
            };
            let expected = dump.field(structure, member);
            assert_eq!(found, expected, "{structure}.{member}");
            present += usize::from(found.is_some());
        }
        for name in ENUMERATIONS {
            let found = btf.enumeration(name).unwrap();
            let owned = |(value, name): (u32, &str)| (value, name.to_owned());
            let found: Option<Vec<_>> = found.map(|pairs| pairs.into_iter().map(owned).collect());
            assert_eq!(found, dump.enumeration(name), "enum {name}");
            present += usize::from(found.is_some());
        }
        for name in FUNCTIONS {
            let found = btf.function_parameters(name).unwrap();
            let found: Option<Vec<_>> =
                found.map(|names| names.into_iter().map(str::to_owned).collect());
            assert_eq!(found, dump.function(name), "{name}()");
            present += usize::from(found.is_some());
        }
        for name in TRACEPOINTS {
            let found = btf.raw_tracepoint_parameters(name).unwrap();
            assert_eq!(found, dump.raw_tracepoint(name), "tracepoint {name}");
            present += usize::from(found.is_some());
        }
        present
    }

    /// Compares one kernel and says what it found; `false` when that could not be done.
    fn report(path: &Path) -> bool {
        let shown = path.display();
        let dump = match Dump::of(path) {
            Ok(dump) => dump,
            Err(reason) => {
                skip(&format!("{shown}: {reason}"));
                return false;
            }
        };
        let btf = Btf::read(path).unwrap();
        let present = compare(&btf, &dump);
        let asked = FIELDS.len() + ENUMERATIONS.len() + FUNCTIONS.len() + TRACEPOINTS.len();
        let resolved = offsets::resolve(&btf);
        let outcome = match &resolved {
            Ok(Resolved { missing, .. }) => {
                let names: Vec<String> = missing.iter().map(ToString::to_string).collect();
                format!("missing [{}]", names.join(", "))
            }
            Err(error) => format!("refused: {error}"),
        };
        eprintln!("COMPARED {shown}: {present} of {asked} present, as bpftool says; {outcome}");
        assert!(resolved.is_ok(), "{shown}: {outcome}");
        true
    }

    #[test]
    fn the_walker_agrees_with_bpftool_on_this_kernel() {
        let path = Path::new(VMLINUX);
        if !path.exists() {
            return skip(&format!("this kernel has no {VMLINUX}"));
        }
        report(path);
    }

    #[test]
    fn the_walker_agrees_with_bpftool_on_every_kernel_given() {
        let Some(directory) = env::var_os("FINRST_BTF_DIR") else {
            return skip("FINRST_BTF_DIR names no directory of other kernels' BTF");
        };
        let entries = fs::read_dir(&directory).expect("FINRST_BTF_DIR is a directory");
        let mut files: Vec<PathBuf> = entries
            .map(|entry| entry.unwrap().path().join("btf"))
            .filter(|path| path.is_file())
            .collect();
        files.sort();
        if files.is_empty() {
            return skip(&format!("no */btf in {}", directory.display()));
        }
        let compared = files.iter().filter(|path| report(path)).count();
        eprintln!("COMPARED {compared} of {} kernels given", files.len());
    }

    #[test]
    fn no_damage_to_this_kernels_btf_panics() {
        let Ok(mut bytes) = fs::read(VMLINUX) else {
            return skip(&format!("this kernel has no {VMLINUX}"));
        };
        let bits = bytes.len() * 8;
        for round in 1..=24 {
            // A stride of its own, so that the bits flipped lie all over the file.
            let bit = round * 1_789_913 % bits;
            bytes[bit / 8] ^= 1 << (bit % 8);
            if let Ok(btf) = Btf::parse(bytes.clone()) {
                let _ = offsets::resolve(&btf);
                let _ = btf.enumeration("skb_drop_reason");
            }
        }
    }
}
