//! The buffers records come through, by either transport.

use std::io;

use aya::{
    Ebpf,
    maps::{Map, MapType},
    sys::is_map_supported,
};
use tracer_common::settings::transport::{self, RING_ENDINGS, RING_STATES};

use super::{SessionError, of_map};
use crate::probe::{buffer::Buffers, perf::PerfSource, ring::RingSource, source::Source};

/// The transport nobody chose: ring buffers are cheaper than perf buffers where each CPU has its own (decision 0035).
pub(super) fn usual(buffers: &Buffers) -> u32 {
    if buffers.has_ring_each() && is_map_supported(MapType::RingBuf).unwrap_or(false) {
        transport::RINGBUF
    } else {
        transport::PERF
    }
}

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
        if chosen == transport::RINGBUF {
            return RingSource::open(rings(programs, buffers)?, buffers.page_bytes())
                .map(Self::Ring)
                .map_err(|source| SessionError::Buffers {
                    transport: "ring",
                    source,
                });
        }
        let endings = of_map(programs, "PERF_ENDINGS", Ok)?;
        let states = of_map(programs, "PERF_STATES", Ok)?;
        PerfSource::open(endings, states, buffers)
            .map(|perf| Self::Perf(Box::new(perf)))
            .map_err(|source| SessionError::Buffers {
                transport: "perf",
                source,
            })
    }

    /// The transport's name, as `--transport` takes it.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Perf(_) => "perf",
            Self::Ring(_) => "ringbuf",
        }
    }
}

impl Source for Buffered {
    async fn filled(&mut self) -> io::Result<()> {
        match self {
            Self::Perf(perf) => perf.filled().await,
            Self::Ring(ring) => ring.filled().await,
        }
    }

    fn drain(&mut self, take: &mut dyn FnMut(&[u8])) -> io::Result<()> {
        match self {
            Self::Perf(perf) => perf.drain(take),
            Self::Ring(ring) => ring.drain(take),
        }
    }
}

/// All ring buffers, and how large they are: also those of CPUs that are off, which may come.
fn rings(programs: &mut Ebpf, buffers: &Buffers) -> Result<Vec<(Map, u32)>, SessionError> {
    let mut rings = Vec::new();
    for (names, bytes) in [
        (RING_ENDINGS, buffers.endings),
        (RING_STATES, buffers.states),
    ] {
        for (nth, name) in (0..).zip(names) {
            rings.push((of_map(programs, name, Ok)?, buffers.ring(nth, bytes)));
        }
    }
    Ok(rings)
}
