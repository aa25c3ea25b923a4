//! Capabilities: the few a run goes on to need stay, of those that are held.

use caps::{CapSet, Capability, CapsHashSet, errors::CapsError};

use super::Needs;

/// Lets the calling thread keep what is needed and nothing else; threads it makes from now on have no
/// more than that.
///
/// # Errors
///
/// The kernel does not say which capabilities the thread has, or refuses to take them.
pub fn keep_capabilities(needs: Needs) -> Result<(), CapsError> {
    let held = caps::read(None, CapSet::Permitted)?;
    let needed = needed(needs);
    let kept: CapsHashSet = held.intersection(&needed).copied().collect();
    caps::set(None, CapSet::Effective, &kept)?;
    caps::set(None, CapSet::Permitted, &kept)?;
    // With the permitted ones the kernel takes the ambient ones away, and nothing is executed any more.
    caps::clear(None, CapSet::Inheritable)
}

/// What a run needs once everything is attached.
fn needed(needs: Needs) -> CapsHashSet {
    let mut needed = CapsHashSet::from([
        // Maps are read; before 5.19 the kernel asks for it each time (`__sys_bpf`).
        Capability::CAP_BPF,
        // Who holds a socket, and what it runs, of whatever user.
        Capability::CAP_SYS_PTRACE,
        Capability::CAP_DAC_READ_SEARCH,
        // What a managed runtime mapped without a name (`proc_map_files_get_link`).
        Capability::CAP_CHECKPOINT_RESTORE,
        // Addresses in `/proc/kallsyms`.
        Capability::CAP_SYSLOG,
        // The reader runs before others.
        Capability::CAP_SYS_NICE,
    ]);
    if needs.namespaces {
        needed.extend([
            Capability::CAP_SYS_ADMIN,
            Capability::CAP_NET_ADMIN,
            Capability::CAP_NET_RAW,
        ]);
    }
    if needs.hooks {
        needed.extend([
            Capability::CAP_PERFMON,
            Capability::CAP_NET_ADMIN,
            // Who hooks the code of programs (`perf_uprobe_event_init`, `kernel/events/core.c`).
            Capability::CAP_SYS_ADMIN,
        ]);
    }
    if needs.files {
        needed.insert(Capability::CAP_DAC_OVERRIDE);
    }
    if needs.command {
        needed.insert(Capability::CAP_KILL);
    }
    if needs.old_kernel {
        needed.insert(Capability::CAP_SYS_ADMIN);
    }
    needed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_kept_that_was_not_asked_for() {
        let plain = needed(Needs::default());
        for given_up in [
            Capability::CAP_SYS_ADMIN,
            Capability::CAP_NET_ADMIN,
            Capability::CAP_DAC_OVERRIDE,
            Capability::CAP_SETUID,
            Capability::CAP_SYS_MODULE,
            Capability::CAP_PERFMON,
            Capability::CAP_KILL,
        ] {
            assert!(!plain.contains(&given_up), "{given_up}");
        }
    }

    #[test]
    fn a_thread_that_gave_them_up_has_no_more_than_it_needs() {
        let needs = Needs::default();
        let left = std::thread::spawn(move || {
            keep_capabilities(needs).unwrap();
            [CapSet::Effective, CapSet::Permitted, CapSet::Inheritable]
                .map(|set| caps::read(None, set).unwrap())
        });
        let [effective, permitted, inheritable] = left.join().unwrap();
        assert!(effective.is_subset(&needed(needs)));
        assert_eq!(effective, permitted);
        assert!(inheritable.is_empty());
    }
}
