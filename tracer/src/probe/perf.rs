//! The perf ring buffers, one per CPU and lane, opened and mapped by ourselves.
//!
//! Libraries set `wakeup_events = 1`: an interrupt per record, twelve times what the record itself
//! costs. These wake the reader only when a buffer is a quarter full.
#![expect(unsafe_code, reason = "perf buffers are memory shared with the kernel")]

use std::{
    io,
    os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd},
    sync::atomic::{AtomicU64, Ordering},
};

use aya::maps::Map;
use aya_obj::generated::{bpf_attr, perf_event_attr, perf_event_mmap_page};
use tokio::io::{Interest, unix::AsyncFd};

use super::{
    buffer::Buffers,
    mapping::Mapping,
    source::{Source, any_filled},
};

mod record;

pub use record::Entry;

/// All perf buffers of a run.
pub struct PerfSource {
    buffers: Vec<AsyncFd<PerfBuffer>>,
    /// Kept open: closing a perf event array takes our events out of it.
    _maps: [Map; 2],
    scratch: bytes::BytesMut,
}

impl PerfSource {
    /// Opens a buffer per online CPU for each of the maps and puts it into the map.
    ///
    /// # Errors
    ///
    /// The kernel refuses an event or its memory; the message names the CPU.
    pub fn open(endings: Map, states: Map, buffers: &Buffers) -> io::Result<Self> {
        let mut opened = Vec::new();
        for &cpu in buffers.cpus() {
            for (map, bytes) in [(&endings, buffers.endings), (&states, buffers.states)] {
                let refused = |error: io::Error| {
                    io::Error::new(
                        error.kind(),
                        format!("perf buffer of CPU {cpu}, {bytes} bytes: {error}"),
                    )
                };
                let buffer = PerfBuffer::open(cpu, bytes, buffers.page_bytes()).map_err(refused)?;
                put(map, cpu, buffer.fd.as_fd()).map_err(refused)?;
                // SAFETY: the buffer owns its descriptor and never gives it away.
                let watched =
                    unsafe { AsyncFd::register_with_interest(buffer, Interest::READABLE) };
                opened.push(watched.map_err(|error| refused(error.into()))?);
            }
        }
        Ok(Self {
            buffers: opened,
            _maps: [endings, states],
            scratch: bytes::BytesMut::with_capacity(4096),
        })
    }
}

impl Source for PerfSource {
    async fn filled(&mut self) -> io::Result<()> {
        any_filled(&self.buffers).await
    }

    fn drain(&mut self, take: &mut dyn FnMut(&[u8])) -> io::Result<()> {
        for buffer in &mut self.buffers {
            buffer.get_mut().drain(&mut self.scratch, take)?;
        }
        Ok(())
    }
}

/// One perf event and the memory it shares with us.
struct PerfBuffer {
    fd: OwnedFd,
    /// The control page, followed by the data.
    shared: Mapping,
    page_bytes: usize,
}

impl AsRawFd for PerfBuffer {
    fn as_raw_fd(&self) -> i32 {
        self.fd.as_raw_fd()
    }
}

impl PerfBuffer {
    fn open(cpu: u32, bytes: u32, page_bytes: u32) -> io::Result<Self> {
        let fd = event(cpu, bytes / 4)?;
        let (bytes, page_bytes) = (size(bytes)?, size(page_bytes)?);
        let rights = libc::PROT_READ | libc::PROT_WRITE;
        let shared = Mapping::new(fd.as_fd(), 0, bytes + page_bytes, rights)?;
        Ok(Self {
            fd,
            shared,
            page_bytes,
        })
    }

    /// Hands over every record between the tail (ours) and the head (the kernel's).
    fn drain(
        &mut self,
        scratch: &mut bytes::BytesMut,
        take: &mut dyn FnMut(&[u8]),
    ) -> io::Result<()> {
        let end = self.head().load(Ordering::Acquire);
        let mut at = self.tail().load(Ordering::Relaxed);
        while at != end {
            let (entry, next) = record::next(self.data(), at, end, scratch)?;
            if let Entry::Sample(bytes) = entry {
                take(bytes);
            }
            at = next;
            self.tail().store(at, Ordering::Release);
        }
        Ok(())
    }

    /// The data area; the kernel writes only outside the part between tail and head.
    fn data(&self) -> &[u8] {
        self.shared.behind(self.page_bytes)
    }

    /// The control page.
    const fn page(&self) -> *mut perf_event_mmap_page {
        self.shared.start().as_ptr().cast()
    }

    /// How far the kernel has written.
    fn head(&self) -> &AtomicU64 {
        // SAFETY: the page is mapped as long as `self` lives; only an address is taken.
        let head = unsafe { &raw mut (*self.page()).data_head };
        // SAFETY: eight bytes aligned to eight that the kernel writes atomically.
        unsafe { AtomicU64::from_ptr(head) }
    }

    /// How far we have read.
    fn tail(&self) -> &AtomicU64 {
        // SAFETY: as in `head`.
        let tail = unsafe { &raw mut (*self.page()).data_tail };
        // SAFETY: as in `head`; the kernel only reads it.
        unsafe { AtomicU64::from_ptr(tail) }
    }
}

fn size(bytes: u32) -> io::Result<usize> {
    usize::try_from(bytes).map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))
}

/// Opens a `PERF_COUNT_SW_BPF_OUTPUT` event on a CPU that wakes its reader at a fill level.
fn event(cpu: u32, wakeup_bytes: u32) -> io::Result<OwnedFd> {
    // SAFETY: the structure is plain integers, for which zero is valid and means "default".
    let mut attributes = unsafe { std::mem::zeroed::<perf_event_attr>() };
    attributes.size = u32::try_from(size_of::<perf_event_attr>()).unwrap_or(0);
    attributes.type_ = PERF_TYPE_SOFTWARE;
    attributes.config = PERF_COUNT_SW_BPF_OUTPUT;
    attributes.sample_type = PERF_SAMPLE_RAW;
    attributes.__bindgen_anon_1.sample_period = 1;
    attributes.set_watermark(1);
    attributes.__bindgen_anon_2.wakeup_watermark = wakeup_bytes;
    let cpu =
        i32::try_from(cpu).map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
    // SAFETY: the attributes are initialised and outlive the call; any process (-1), no group (-1).
    let fd = unsafe {
        libc::syscall(
            libc::SYS_perf_event_open,
            &raw const attributes,
            -1,
            cpu,
            -1,
            PERF_FLAG_FD_CLOEXEC,
        )
    };
    let fd = i32::try_from(fd).unwrap_or(-1);
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel just made this descriptor for us.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Puts an event into a perf event array: `bpf(BPF_MAP_UPDATE_ELEM)`.
fn put(map: &Map, cpu: u32, event: BorrowedFd<'_>) -> io::Result<()> {
    let Map::PerfEventArray(data) = map else {
        return Err(io::Error::other("the map is no perf event array"));
    };
    let value = event.as_raw_fd();
    // SAFETY: as above, plain integers.
    let mut attributes = unsafe { std::mem::zeroed::<bpf_attr>() };
    attributes.__bindgen_anon_2.map_fd = data.fd().as_fd().as_raw_fd().cast_unsigned();
    attributes.__bindgen_anon_2.key = address(&cpu);
    attributes.__bindgen_anon_2.__bindgen_anon_1.value = address(&value);
    // SAFETY: key and value are four bytes each, as the map wants, and outlive the call.
    let done = unsafe {
        libc::syscall(
            libc::SYS_bpf,
            BPF_MAP_UPDATE_ELEM,
            &raw mut attributes,
            size_of_val(&attributes),
        )
    };
    if done < 0 {
        Err(io::Error::last_os_error())
    } else {
        Ok(())
    }
}

/// The numbers of `include/uapi/linux/perf_event.h` this room needs.
const PERF_TYPE_SOFTWARE: u32 = 1;
const PERF_COUNT_SW_BPF_OUTPUT: u64 = 10;
const PERF_SAMPLE_RAW: u64 = 1 << 10;
const PERF_FLAG_FD_CLOEXEC: libc::c_ulong = 1 << 3;
/// `enum bpf_cmd`, `include/uapi/linux/bpf.h`.
const BPF_MAP_UPDATE_ELEM: libc::c_int = 2;

#[expect(
    clippy::as_conversions,
    reason = "the kernel takes addresses as 64-bit numbers"
)]
fn address<T>(value: &T) -> u64 {
    std::ptr::from_ref(value) as u64
}
