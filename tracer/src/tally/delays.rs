//! How long segments took between the kernel's act and each device.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;

use crate::model::{ending::Ending, foreign::Foreign, segment::Device, wire::WireSegment};

/// Devices, each with two directions, that are told apart at most; segments on others are left out.
const ROWS: usize = 2_048;

/// Significant digits kept of a delay: a row takes 30 kB at the most.
const DIGITS: u8 = 2;

/// Delays that are not told apart from this one: an hour.
const LONGEST_NS: u64 = 3_600_000_000_000;

/// The delays of the segments told so far.
#[derive(Default)]
pub struct Delays {
    rows: BTreeMap<Key, Row>,
}

/// A device, the network namespace it is in, and whether the segments were sent.
type Key = (Option<u32>, Device, bool);

/// The delays of what one device saw in one direction.
struct Row {
    histogram: Histogram<u64>,
    longest: u64,
    contrary: u64,
}

/// The delays between the kernel and one device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delay {
    /// The network namespace the device is in, by its inode number; `None` when it is not known.
    pub netns: Option<u32>,
    /// The device, or the interface of a capture file; `None` when its name is not known.
    pub device: Option<Foreign>,
    /// Whether the segments were sent, from the kernel's act to the first sighting on the device;
    /// else they were received, and it is from the last sighting to the kernel's act.
    pub sent: bool,
    /// How many.
    pub segments: u64,
    /// Of these, segments seen on the wrong side of the act, which count as no delay: the clocks
    /// are not that exact.
    pub contrary: u64,
    /// Half took no longer, in nanoseconds, exact to a hundredth.
    pub p50_ns: u64,
    /// Of a hundred, 99 took no longer, likewise.
    pub p99_ns: u64,
    /// The longest, in nanoseconds.
    pub max_ns: u64,
}

impl Delays {
    /// Takes in the segments of an ending.
    pub fn add(&mut self, ending: &Ending) {
        for segment in ending.segments.iter().flatten() {
            self.add_segment(segment);
        }
    }

    fn add_segment(&mut self, segment: &WireSegment) {
        let Some(kernel) = segment.counted_from else {
            return;
        };
        let kernel = kernel.at();
        let mut nearest = BTreeMap::new();
        for sighting in &segment.sightings {
            let known = nearest
                .entry((sighting.netns, sighting.device))
                .or_insert(sighting.at);
            *known = if segment.sent {
                sighting.at.min(*known)
            } else {
                sighting.at.max(*known)
            };
        }
        for ((netns, device), seen) in nearest {
            let (from, to) = if segment.sent {
                (kernel, seen)
            } else {
                (seen, kernel)
            };
            if let Some(row) = self.row((netns, device, segment.sent)) {
                let delay = to.since(from);
                // It grows as far as it is let; what is longer counts as this long.
                let _ = row.histogram.record(delay.min(LONGEST_NS));
                row.longest = row.longest.max(delay);
                row.contrary += u64::from(to < from);
            }
        }
    }

    fn row(&mut self, key: Key) -> Option<&mut Row> {
        if !self.rows.contains_key(&key) && self.rows.len() < ROWS {
            let row = Row {
                histogram: Histogram::new(DIGITS).ok()?,
                longest: 0,
                contrary: 0,
            };
            self.rows.insert(key, row);
        }
        self.rows.get_mut(&key)
    }

    /// Every device with its delays, sent before received.
    #[must_use]
    pub fn told<'a>(
        &self,
        name: impl Fn(Option<u32>, Device) -> Option<&'a Foreign>,
    ) -> Vec<Delay> {
        let mut told: Vec<_> = self
            .rows
            .iter()
            .map(|(&(netns, device, sent), row)| Delay {
                netns,
                device: name(netns, device).cloned(),
                sent,
                segments: row.histogram.len(),
                contrary: row.contrary,
                p50_ns: row.histogram.value_at_quantile(0.5).min(row.longest),
                p99_ns: row.histogram.value_at_quantile(0.99).min(row.longest),
                max_ns: row.longest,
            })
            .collect();
        told.sort_by(|a, b| {
            let key = |it: &Delay| {
                (
                    it.device.as_ref().map(|name| name.bytes().to_vec()),
                    it.netns,
                    !it.sent,
                )
            };
            key(a).cmp(&key(b))
        });
        told
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{
        observation::SegmentFlags,
        segment::{Direction, Headers},
        time::MonoNs,
        wire::{CountedFrom, Sighting},
    };

    fn segment(sent: bool, kernel: Option<u64>, sightings: &[(u32, u64)]) -> WireSegment {
        let sightings = sightings.iter().map(|&(device, at)| Sighting {
            at: MonoNs(at),
            error_ns: None,
            captured: None,
            netns: None,
            tuple: None,
            vlan: None,
            headers: Headers {
                source: "10.0.0.1:1".parse().unwrap(),
                destination: "10.0.0.2:2".parse().unwrap(),
                seq: 1,
                ack: 1,
                flags: SegmentFlags(SegmentFlags::FIN),
                payload_bytes: 0,
                window: 0,
                timestamps: None,
            },
            device: Device::Index(device),
            direction: Direction::Unknown,
        });
        WireSegment {
            sent,
            flags: SegmentFlags(SegmentFlags::FIN),
            seq: 1,
            ack: 1,
            payload_bytes: 0,
            kernel: kernel.map(MonoNs),
            counted_from: kernel.map(|at| CountedFrom::Act(MonoNs(at))),
            sightings: sightings.collect(),
            retransmits: 0,
            again: Vec::new(),
        }
    }

    fn told(segments: &[WireSegment]) -> Vec<Delay> {
        let mut delays = Delays::default();
        for segment in segments {
            delays.add_segment(segment);
        }
        delays.told(|_, _| None)
    }

    #[test]
    fn what_is_sent_counts_to_its_first_sighting_and_what_comes_from_its_last() {
        let sent = segment(true, Some(1_000), &[(1, 1_100), (1, 1_500)]);
        let received = segment(false, Some(2_000), &[(1, 1_100), (1, 1_500)]);
        let delays: Vec<_> = told(&[sent, received])
            .iter()
            .map(|it| (it.sent, it.segments, it.max_ns))
            .collect();
        assert_eq!(delays, [(true, 1, 100), (false, 1, 500)]);
    }

    #[test]
    fn every_device_has_delays_of_its_own() {
        let crossing = segment(true, Some(1_000), &[(1, 1_010), (2, 1_300)]);
        let delays: Vec<_> = told(&[crossing]).iter().map(|it| it.max_ns).collect();
        assert_eq!(delays, [10, 300]);
    }

    #[test]
    fn a_segment_without_an_act_has_no_delay_and_one_before_it_is_contrary() {
        let delays = told(&[
            segment(true, None, &[(1, 5)]),
            segment(true, Some(1_000), &[(1, 990)]),
            segment(true, Some(1_000), &[(1, 3_000)]),
        ]);
        let [row] = &delays[..] else {
            panic!("{delays:?}");
        };
        assert_eq!((row.segments, row.contrary, row.max_ns), (2, 1, 2_000));
    }

    #[test]
    fn the_middle_and_the_far_end_are_told_to_a_hundredth() {
        let many: Vec<_> = (1..=1_000_u64)
            .map(|delay| segment(true, Some(1), &[(1, 1 + delay * 1_000)]))
            .collect();
        let row = &told(&many)[0];
        assert!(row.p50_ns.abs_diff(500_000) <= 5_000, "{row:?}");
        assert!(row.p99_ns.abs_diff(990_000) <= 9_900, "{row:?}");
        assert_eq!(row.max_ns, 1_000_000);
    }
}
