//! The BPF ring buffers, one per lane, for kernels from 5.8 on.
#![expect(unsafe_code, reason = "registering a descriptor asserts who owns it")]

use std::io;

use aya::maps::{Map, MapData, MapError, RingBuf};
use tokio::io::{Interest, unix::AsyncFd};

use super::source::Source;

/// Both ring buffers of a run.
pub struct RingSource {
    lanes: Vec<AsyncFd<RingBuf<MapData>>>,
}

impl RingSource {
    /// Takes over the maps of both lanes.
    ///
    /// # Errors
    ///
    /// The kernel has no ring buffers, or refuses to map one.
    pub fn open(endings: Map, states: Map) -> io::Result<Self> {
        let mut lanes = Vec::new();
        for map in [endings, states] {
            let ring = RingBuf::try_from(map).map_err(|error: MapError| io::Error::other(error))?;
            // SAFETY: the ring buffer owns its descriptor and never gives it away.
            let watched = unsafe { AsyncFd::register_with_interest(ring, Interest::READABLE) };
            lanes.push(watched.map_err(io::Error::from)?);
        }
        Ok(Self { lanes })
    }
}

impl Source for RingSource {
    async fn filled(&mut self) -> io::Result<()> {
        std::future::poll_fn(|context| {
            for lane in &self.lanes {
                if let std::task::Poll::Ready(ready) = lane.poll_read_ready(context) {
                    return std::task::Poll::Ready(ready.map(|mut guard| guard.clear_ready()));
                }
            }
            std::task::Poll::Pending
        })
        .await
    }

    fn drain(&mut self, take: &mut dyn FnMut(&[u8])) -> io::Result<()> {
        for lane in &mut self.lanes {
            while let Some(record) = lane.get_mut().next() {
                take(&record);
            }
        }
        Ok(())
    }
}
