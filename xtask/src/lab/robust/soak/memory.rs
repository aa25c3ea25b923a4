//! Memory and descriptors of a process over time: do they grow?

use std::fs;

use anyhow::{Context as _, ensure};

/// Below this many looks nothing is said of growth: what finrst remembers for minutes fills first.
const TELLING: usize = 1_200;

/// By how much the last third may be above the middle one, in hundredths.
const SLACK_PERCENT: u64 = 5;

/// Looks at a process.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    kib: Vec<u64>,
    descriptors: Vec<u64>,
}

/// What was found in the three thirds of a run: medians.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Thirds(pub(crate) [u64; 3]);

impl Memory {
    /// Looks.
    ///
    /// # Errors
    /// The process is gone.
    pub(super) fn look(&mut self, pid: u32) -> anyhow::Result<()> {
        let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|line| line.trim().strip_suffix(" kB"));
        self.kib.push(kib.context("it has no memory")?.parse()?);
        let descriptors = fs::read_dir(format!("/proc/{pid}/fd"))?.count();
        self.descriptors.push(u64::try_from(descriptors)?);
        Ok(())
    }

    /// Its resident memory, in KiB.
    pub(crate) fn kib(&self) -> Thirds {
        thirds(&self.kib)
    }

    /// The most of it.
    pub(crate) fn most_kib(&self) -> u64 {
        self.kib.iter().copied().max().unwrap_or(0)
    }

    /// Its resident memory in each tenth of the time, in KiB.
    pub(crate) fn tenths_kib(&self) -> Vec<u64> {
        let tenth = self.kib.len().div_ceil(10).max(1);
        self.kib.chunks(tenth).map(median).collect()
    }

    /// Its descriptors.
    pub(crate) fn descriptors(&self) -> Thirds {
        thirds(&self.descriptors)
    }

    /// Nothing grows.
    ///
    /// # Errors
    /// Something does.
    pub(crate) fn is_flat(&self) -> anyhow::Result<()> {
        if self.kib.len() < TELLING {
            return Ok(());
        }
        for (what, Thirds([_, middle, last])) in [
            ("KiB of memory", self.kib()),
            ("descriptors", self.descriptors()),
        ] {
            ensure!(
                last * 100 <= middle * (100 + SLACK_PERCENT),
                "{middle} {what} became {last}"
            );
        }
        Ok(())
    }
}

fn thirds(all: &[u64]) -> Thirds {
    let third = all.len().div_ceil(3).max(1);
    let mut medians = all.chunks(third).map(median);
    Thirds([(); 3].map(|()| medians.next().unwrap_or(0)))
}

fn median(some: &[u64]) -> u64 {
    let mut sorted = some.to_vec();
    sorted.sort_unstable();
    sorted.get(sorted.len() / 2).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn memory(kib: impl Iterator<Item = u64>) -> Memory {
        let kib: Vec<_> = kib.collect();
        let descriptors = vec![9; kib.len()];
        Memory { kib, descriptors }
    }

    #[test]
    fn what_rises_at_first_alone_is_flat_and_what_rises_on_is_not() {
        let warm = memory((0..3_000).map(|look| look.min(900) + look % 7));
        assert!(warm.is_flat().is_ok(), "{:?}", warm.kib());
        assert!(memory(0..3_000).is_flat().is_err());
        assert!(memory(0..300).is_flat().is_ok());
    }

    #[test]
    fn a_third_is_told_by_its_median() {
        assert_eq!(thirds(&[1, 1, 9, 2, 2, 9, 3, 3, 9]), Thirds([1, 2, 3]));
    }
}
