//! The line in `/proc/PID/stat` (`do_task_stat`, `fs/proc/array.c`). Total and pure.

use crate::model::process::Comm;

/// `PF_KTHREAD` (`include/linux/sched.h`), the same in every kernel since 2.6.29.
const KERNEL_THREAD: u32 = 0x0020_0000;

/// One such line.
#[derive(Clone, Copy)]
pub(super) struct Stat<'a> {
    comm: &'a [u8],
    /// The fields after the name; the first of them has number 3.
    rest: &'a str,
}

impl<'a> Stat<'a> {
    /// Finds the name, which may hold anything, even parentheses; `None` where there is none.
    pub(super) fn new(line: &'a [u8]) -> Option<Self> {
        let from = line.iter().position(|&byte| byte == b'(')?;
        let to = line.iter().rposition(|&byte| byte == b')')?;
        Some(Self {
            comm: line.get(from + 1..to)?,
            rest: str::from_utf8(line.get(to + 1..)?).ok()?,
        })
    }

    /// The name of the process, which is that of its leader.
    pub(super) fn comm(self) -> Comm {
        let mut bytes = [0; 16];
        for (to, from) in bytes.iter_mut().zip(self.comm.iter().take(15)) {
            *to = *from;
        }
        Comm(bytes)
    }

    /// The parent's pid.
    pub(super) fn parent(self) -> Option<u32> {
        self.field(4)?.parse().ok()
    }

    /// Whether it is a thread of the kernel, which holds no descriptors.
    pub(super) fn is_kernel_thread(self) -> bool {
        let flags = self.field(9).and_then(|flags| flags.parse::<u32>().ok());
        flags.is_some_and(|flags| flags & KERNEL_THREAD != 0)
    }

    /// The start in clock ticks since boot.
    pub(super) fn start_ticks(self) -> Option<u64> {
        self.field(22)?.parse().ok()
    }

    fn field(self, number: usize) -> Option<&'a str> {
        self.rest
            .split_ascii_whitespace()
            .nth(number.checked_sub(3)?)
    }
}

#[cfg(test)]
mod tests {
    use proptest::{collection, prelude::*};

    use super::*;

    #[test]
    fn every_field_is_found_behind_any_name() {
        let line = b"7 (a) b) (S) S 3 7 7 0 -1 2129984 1 2 3 4 5 6 7 8 20 0 1 0 424242 9 9";
        let stat = Stat::new(line).unwrap();
        assert_eq!(stat.comm().bytes(), b"a) b) (S");
        assert_eq!(stat.parent(), Some(3));
        assert_eq!(stat.start_ticks(), Some(424_242));
        assert!(stat.is_kernel_thread());
    }

    #[test]
    fn what_is_cut_short_tells_nothing_it_does_not_hold() {
        let stat = Stat::new(b"7 (cat) S 1").unwrap();
        assert_eq!((stat.parent(), stat.start_ticks()), (Some(1), None));
        assert!(!stat.is_kernel_thread());
        assert!(Stat::new(b"no process at all").is_none());
        assert!(Stat::new(b")(").is_none());
    }

    #[test]
    fn a_worker_with_a_long_name_keeps_what_the_kernel_keeps() {
        let stat = Stat::new(b"7 (kworker/0:1H-kblockd) S 2").unwrap();
        assert_eq!(stat.comm().bytes(), b"kworker/0:1H-kb");
    }

    proptest! {
        #[test]
        fn no_line_panics(line in collection::vec(any::<u8>(), 0..200)) {
            if let Some(stat) = Stat::new(&line) {
                let _ = (stat.comm(), stat.parent(), stat.is_kernel_thread(), stat.start_ticks());
            }
        }
    }
}
