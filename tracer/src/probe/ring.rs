//! The BPF ring buffers, one per CPU and lane, mapped by ourselves.
//!
//! Libraries map the data twice, one behind the other, so that no record wraps; the kernel fills in
//! both at once, and finrst would look twice as large as it is.
#![expect(unsafe_code, reason = "ring buffers are memory shared with the kernel")]

use std::{
    io,
    os::fd::{AsFd, AsRawFd, BorrowedFd},
    sync::atomic::{AtomicU32, AtomicU64, Ordering},
};

use aya::maps::Map;
use tokio::io::{Interest, unix::AsyncFd};

use super::{
    mapping::Mapping,
    source::{Source, any_filled},
};

mod record;

use record::Entry;

/// All ring buffers of a run.
pub struct RingSource {
    rings: Vec<AsyncFd<Ring>>,
    scratch: Vec<u8>,
}

impl RingSource {
    /// Takes over the maps, each with its size in bytes.
    ///
    /// # Errors
    ///
    /// The kernel has no ring buffers, or refuses to map one.
    pub fn open(maps: Vec<(Map, u32)>, page_bytes: u32) -> io::Result<Self> {
        let mut rings = Vec::with_capacity(maps.len());
        for (map, bytes) in maps {
            let ring = Ring::open(map, size(bytes)?, size(page_bytes)?)?;
            // SAFETY: the ring buffer owns its descriptor and never gives it away.
            let watched = unsafe { AsyncFd::register_with_interest(ring, Interest::READABLE) };
            rings.push(watched.map_err(io::Error::from)?);
        }
        Ok(Self {
            rings,
            scratch: Vec::with_capacity(4096),
        })
    }
}

impl Source for RingSource {
    async fn filled(&mut self) -> io::Result<()> {
        any_filled(&self.rings).await
    }

    fn drain(&mut self, take: &mut dyn FnMut(&[u8])) -> io::Result<()> {
        for ring in &mut self.rings {
            ring.get_mut().drain(&mut self.scratch, take)?;
        }
        Ok(())
    }
}

/// One ring buffer and the memory it shares with us (`kernel/bpf/ringbuf.c`).
struct Ring {
    map: Map,
    /// A page that says how far we have read; the kernel only reads it.
    consumer: Mapping,
    /// A page that says how far the kernel has written, followed by the data.
    producer: Mapping,
    page_bytes: usize,
}

impl AsRawFd for Ring {
    fn as_raw_fd(&self) -> i32 {
        // `open` refuses every other map.
        descriptor(&self.map).map_or(-1, |fd| fd.as_raw_fd())
    }
}

impl Ring {
    fn open(map: Map, bytes: usize, page_bytes: usize) -> io::Result<Self> {
        let fd = descriptor(&map).ok_or_else(|| io::Error::other("the map is no ring buffer"))?;
        let consumer = Mapping::new(fd, 0, page_bytes, libc::PROT_READ | libc::PROT_WRITE)?;
        let producer = Mapping::new(fd, page_bytes, page_bytes + bytes, libc::PROT_READ)?;
        Ok(Self {
            map,
            consumer,
            producer,
            page_bytes,
        })
    }

    /// Hands over every record that is whole, up to the first that is being written.
    fn drain(&mut self, scratch: &mut Vec<u8>, take: &mut dyn FnMut(&[u8])) -> io::Result<()> {
        let end = position(&self.producer).load(Ordering::Acquire);
        let mut at = position(&self.consumer).load(Ordering::Relaxed);
        while at != end {
            let word = self.word(at);
            let (entry, next) = record::next(self.data(), (at, end), word, scratch)?;
            match entry {
                Entry::Record(bytes) => take(bytes),
                Entry::Discarded => {}
                Entry::Busy => break,
            }
            at = next;
            position(&self.consumer).store(at, Ordering::Release);
        }
        Ok(())
    }

    /// The word before the record at this position, of four bytes aligned to eight; the kernel writes
    /// it last.
    fn word(&self, at: u64) -> u32 {
        let word =
            record::place(self.data(), at).and_then(|start| self.data().get(start..start + 4));
        word.map_or(0, |word| {
            // SAFETY: four aligned bytes of the mapping, which the kernel writes atomically.
            unsafe { AtomicU32::from_ptr(word.as_ptr().cast_mut().cast()) }.load(Ordering::Acquire)
        })
    }

    /// The data area; the kernel writes only outside the part between both positions, and into what
    /// is marked busy there.
    fn data(&self) -> &[u8] {
        self.producer.behind(self.page_bytes)
    }
}

/// The descriptor of a map that is a ring buffer.
fn descriptor(map: &Map) -> Option<BorrowedFd<'_>> {
    if let Map::RingBuf(data) = map {
        Some(data.fd().as_fd())
    } else {
        None
    }
}

/// The position the first eight bytes of a mapping hold (an `unsigned long`).
fn position(mapping: &Mapping) -> &AtomicU64 {
    // SAFETY: the first page is mapped as long as the mapping is borrowed, and aligned; the kernel
    // writes and reads positions atomically.
    unsafe { AtomicU64::from_ptr(mapping.start().as_ptr().cast()) }
}

fn size(bytes: u32) -> io::Result<usize> {
    usize::try_from(bytes).map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))
}
