//! The buffers records come through, by either transport.

use aya::Ebpf;
use tracer_common::settings::transport;

use super::{SessionError, of_map};
use crate::probe::{buffer::Buffers, perf::PerfSource, ring::RingSource};

/// The transport chosen.
pub(super) enum Buffered {
    Perf(Box<PerfSource>),
    Ring(RingSource),
}

impl Buffered {
    /// Opens those of both lanes.
    pub(super) fn open(
        programs: &mut Ebpf,
        chosen: u32,
        buffers: &Buffers,
    ) -> Result<Self, SessionError> {
        let [endings, states] = if chosen == transport::RINGBUF {
            ["RING_ENDINGS", "RING_STATES"]
        } else {
            ["PERF_ENDINGS", "PERF_STATES"]
        };
        let endings = of_map(programs, endings, Ok)?;
        let states = of_map(programs, states, Ok)?;
        if chosen == transport::RINGBUF {
            return RingSource::open(endings, states)
                .map(Self::Ring)
                .map_err(|source| SessionError::Buffers {
                    transport: "ring",
                    source,
                });
        }
        PerfSource::open(endings, states, buffers)
            .map(|perf| Self::Perf(Box::new(perf)))
            .map_err(|source| SessionError::Buffers {
                transport: "perf",
                source,
            })
    }
}
