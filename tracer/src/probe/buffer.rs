//! How large the buffers between kernel and user space are.

/// What `--buffer-size` allows, in KiB a CPU.
pub const SIZES_KIB: std::ops::RangeInclusive<u32> = 4..=262_144;

/// Sizes of the buffers of both lanes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Buffers {
    /// Bytes per CPU of the endings lane; a power of two, at least a page.
    pub endings: u32,
    /// Bytes per CPU of the states lane, likewise.
    pub states: u32,
    cpus: u32,
    page: u32,
}

impl Buffers {
    /// The buffers for `kib` per CPU and lane; without a wish, 128 MiB a lane are spread over the
    /// CPUs, between 512 KiB and 8 MiB each.
    #[must_use]
    pub fn new(kib: Option<u32>, cpus: u32, page: u32) -> Self {
        let share = ((128 << 20) / cpus.max(1)).clamp(512 << 10, 8 << 20);
        let wish = kib.map(|kib| kib.saturating_mul(1024));
        let (endings, states) = (wish.unwrap_or(share), wish.unwrap_or(share));
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
            page,
        }
    }

    /// Bytes of a page.
    #[must_use]
    pub fn page_bytes(&self) -> u32 {
        self.page
    }

    /// Bytes of the one ring buffer that holds the endings of all CPUs.
    #[must_use]
    pub fn ring_endings_bytes(&self) -> u32 {
        self.ring(self.endings)
    }

    /// Bytes of the one ring buffer that holds the states of all CPUs.
    #[must_use]
    pub fn ring_states_bytes(&self) -> u32 {
        self.ring(self.states)
    }

    fn ring(&self, bytes: u32) -> u32 {
        let all = bytes.saturating_mul(self.cpus.max(1));
        all.min(1 << 30)
            .checked_next_power_of_two()
            .unwrap_or(1 << 30)
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
            let buffers = Buffers::new(kib, cpus, 4096);
            for bytes in [
                buffers.endings,
                buffers.states,
                buffers.ring_endings_bytes(),
                buffers.ring_states_bytes(),
            ] {
                assert!(
                    bytes.is_power_of_two() && bytes >= 4096,
                    "{kib:?} {cpus}: {bytes}"
                );
            }
        }
    }
}
