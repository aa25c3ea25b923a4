//! How large the buffers between kernel and user space are.

use tracer_common::settings::transport::RINGS;

/// What `--buffer-size` allows, in KiB a CPU.
pub const SIZES_KIB: std::ops::RangeInclusive<u32> = 4..=262_144;

/// Bytes at most of the ring buffer of a CPU that is off and may come. It is read every so often and
/// wakes nobody, so that this is what may happen there in between.
const LATER: u32 = 256 << 10;

/// Sizes of the buffers of both lanes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Buffers {
    /// Bytes per CPU of the endings lane; a power of two, at least a page.
    pub endings: u32,
    /// Bytes per CPU of the states lane, likewise.
    pub states: u32,
    cpus: Vec<u32>,
    possible: u32,
    page: u32,
}

impl Buffers {
    /// The buffers for `kib` per CPU and lane; without a wish, 128 MiB of endings are spread over the
    /// CPUs, which go by their numbers, between 512 KiB and 8 MiB each, and half as much of states: of
    /// a connection's twelve records seven are endings', and a stack comes with them. Of `possible`
    /// CPUs those that are none of `cpus` are off.
    #[must_use]
    pub fn new(kib: Option<u32>, cpus: Vec<u32>, possible: u32, page: u32) -> Self {
        let many = u32::try_from(cpus.len()).unwrap_or(u32::MAX);
        let share = ((128 << 20) / many.max(1)).clamp(512 << 10, 8 << 20);
        let wish = kib.map(|kib| kib.saturating_mul(1024));
        let (endings, states) = (wish.unwrap_or(share), wish.unwrap_or(share / 2));
        let fit = |bytes: u32| {
            bytes
                .max(page)
                .checked_next_power_of_two()
                .unwrap_or(1 << 31)
        };
        Self {
            endings: fit(endings),
            states: fit(states),
            cpus,
            possible,
            page,
        }
    }

    /// The CPUs that write, by number.
    #[must_use]
    pub fn cpus(&self) -> &[u32] {
        &self.cpus
    }

    /// Bytes of a page.
    #[must_use]
    pub fn page_bytes(&self) -> u32 {
        self.page
    }

    /// Bytes of the `nth` ring buffer of a lane that has `bytes` per CPU: some where a CPU may come that
    /// is off, a page where none ever writes to it.
    #[must_use]
    pub fn ring(&self, nth: u32, bytes: u32) -> u32 {
        let users = self.cpus.iter().filter(|cpu| *cpu % RINGS == nth).count();
        let all = match u32::try_from(users).unwrap_or(u32::MAX) {
            0 if nth < self.possible => bytes.min(LATER),
            users => bytes.saturating_mul(users),
        };
        all.clamp(self.page, 1 << 30)
            .checked_next_power_of_two()
            .unwrap_or(1 << 30)
    }

    /// Whether no two CPUs write to the same ring buffer.
    #[must_use]
    pub fn has_ring_each(&self) -> bool {
        let alone = |nth| self.cpus.iter().filter(|cpu| *cpu % RINGS == nth).count() < 2;
        (0..RINGS).all(alone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_powers_of_two_of_at_least_a_page() {
        for (kib, cpus) in [
            (None, 1),
            (None, 2),
            (None, 400),
            (Some(4), 2),
            (Some(9), 3),
            (Some(262_144), 512),
        ] {
            let buffers = Buffers::new(kib, (0..cpus).collect(), cpus, 4096);
            for bytes in [
                buffers.endings,
                buffers.states,
                buffers.ring(0, buffers.endings),
                buffers.ring(0, buffers.states),
            ] {
                assert!(
                    bytes.is_power_of_two() && bytes >= 4096,
                    "{kib:?} {cpus}: {bytes}"
                );
            }
        }
    }

    #[test]
    fn cpus_share_a_ring_only_where_there_are_more_than_rings() {
        let few = Buffers::new(Some(64), vec![0, 2, 5], 0, 4096);
        assert!(few.has_ring_each());
        assert_eq!(few.ring(2, few.endings), 65_536);
        assert_eq!(few.ring(1, few.endings), 4_096);
        let many = Buffers::new(Some(64), (0..10).collect(), 10, 4096);
        assert!(!many.has_ring_each());
        assert_eq!(many.ring(1, many.endings), 131_072);
        assert_eq!(many.ring(2, many.endings), 65_536);
        // Numbers may have holes.
        assert!(!Buffers::new(None, vec![0, 8], 9, 4096).has_ring_each());
    }

    #[test]
    fn a_cpu_that_may_come_has_a_ring_and_one_that_cannot_has_none() {
        let buffers = Buffers::new(None, vec![0], 2, 4096);
        assert_eq!(buffers.ring(0, buffers.endings), 8 << 20);
        assert_eq!(buffers.ring(1, buffers.endings), LATER);
        assert_eq!(buffers.ring(2, buffers.endings), 4_096);
        let small = Buffers::new(Some(16), vec![0], 2, 4096);
        assert_eq!(small.ring(1, small.endings), 16 << 10);
    }
}
