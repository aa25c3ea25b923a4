//! Live capture of the segments that open, end or reset connections: an `AF_PACKET` ring.
//!
//! The kernel drops everything else before it is copied. Sees the network namespace it was opened
//! in, and only that.

mod block;
mod filter;
mod ring;
mod socket;

use std::{
    io,
    path::{Path, PathBuf},
};

use tokio::io::unix::AsyncFd;

use super::frame::Frame;
use ring::Ring;
use socket::Socket;

/// How long a frame rests at most before it is handed over: the kernel passes on part-filled
/// blocks after this time.
pub const REST: std::time::Duration = std::time::Duration::from_millis(10);

/// Bytes kept of a packet: room for all headers, though hardly for payload.
pub const KEPT_BYTES: u32 = 256;

/// Bytes of a block, which the kernel fills and hands over as a whole.
///
/// A block that is not full is handed over too, after [`REST`] and a little: the number of blocks,
/// not their size, is how long a reader may be away while few frames come.
const BLOCK_BYTES: u32 = BLOCK_KIB * 1024;

/// Kibibytes of a block.
pub const BLOCK_KIB: u32 = 16;

/// What to capture, and where.
#[derive(Clone, Debug)]
pub struct Options {
    /// The network namespace.
    pub namespace: Namespace,
    /// The devices in it.
    pub devices: Devices,
    /// Whether to capture segments with SYN as well as those with FIN or RST.
    pub syn: bool,
    /// Blocks of 16 KiB, about 40 frames each, that the kernel may fill before it drops; two at
    /// least.
    pub blocks: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            namespace: Namespace::Own,
            devices: Devices::All,
            syn: false,
            blocks: 512,
        }
    }
}

/// A network namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Namespace {
    /// The calling thread's.
    Own,
    /// The one a file stands for: `/proc/PID/ns/net`, `/run/netns/NAME`.
    File(PathBuf),
}

impl Namespace {
    /// The namespace of a process.
    #[must_use]
    pub fn of_process(pid: u32) -> Self {
        Self::File(PathBuf::from(format!("/proc/{pid}/ns/net")))
    }

    /// The namespace `ip netns` gave a name.
    #[must_use]
    pub fn named(name: &str) -> Self {
        Self::File(Path::new("/run/netns").join(name))
    }
}

/// Devices of a namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Devices {
    /// All, those to come included.
    All,
    /// The one of this index.
    Index(u32),
    /// The one that has this name now.
    Named(String),
}

/// What keeps a capture from starting.
#[derive(Debug, thiserror::Error)]
pub enum LiveError {
    /// The namespace cannot be entered; needs `CAP_SYS_ADMIN`.
    #[error("cannot enter the network namespace {}", .path.display())]
    Namespace {
        /// The file that stands for it.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The kernel gives no packet socket; needs `CAP_NET_RAW`.
    #[error("cannot open a packet socket")]
    Socket(#[source] io::Error),
    /// The kernel refuses the filter.
    #[error("cannot attach the packet filter")]
    Filter(#[source] io::Error),
    /// The kernel refuses the ring.
    #[error("cannot set up a packet ring of {blocks} blocks of {block_bytes} bytes")]
    Ring {
        /// Blocks wanted.
        blocks: u32,
        /// Bytes of each.
        block_bytes: u32,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// There is no such device.
    #[error("cannot capture on {device}")]
    Device {
        /// The device.
        device: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The capture cannot be waited for.
    #[error("cannot wait for packets")]
    Wait(#[source] io::Error),
}

/// What a capture has seen so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Frames that passed the filter, dropped ones included.
    pub passed: u64,
    /// Of these, frames the ring had no room for.
    pub dropped: u64,
    /// Frames handed over.
    pub delivered: u64,
}

/// A running capture; it ends with its value.
pub struct Live {
    ring: AsyncFd<Ring>,
    seen: Statistics,
}

impl Live {
    /// Opens a capture; from then on frames are kept, whether anybody waits or not.
    ///
    /// Call it in a tokio runtime. To enter another namespace it takes a thread of its own for the
    /// moment, so that the caller's stays where it is.
    ///
    /// # Errors
    ///
    /// What is missing, by the step that failed.
    pub fn open(options: &Options) -> Result<Self, LiveError> {
        let socket = match &options.namespace {
            Namespace::Own => Socket::open()?,
            Namespace::File(path) => Socket::open_inside(path)?,
        };
        let program = filter::program(options.syn, KEPT_BYTES);
        socket.attach(&program).map_err(LiveError::Filter)?;
        let blocks = options.blocks.max(2);
        let ring =
            Ring::of(socket, blocks, BLOCK_BYTES, REST).map_err(|source| LiveError::Ring {
                blocks,
                block_bytes: BLOCK_BYTES,
                source,
            })?;
        // From here on frames come in, all of them through the filter.
        let socket = ring.socket();
        let (device, bound) = match &options.devices {
            Devices::All => ("any device".to_owned(), socket.bind(0)),
            Devices::Index(index) => (format!("the device of index {index}"), socket.bind(*index)),
            Devices::Named(name) => {
                let index = socket.device_index(name);
                (name.clone(), index.and_then(|index| socket.bind(index)))
            }
        };
        bound.map_err(|source| LiveError::Device { device, source })?;
        Ok(Self {
            ring: ring::watch(ring).map_err(LiveError::Wait)?,
            seen: Statistics::default(),
        })
    }

    /// Waits until there are frames; may be cancelled.
    ///
    /// # Errors
    ///
    /// The one device that is captured went down; the capture goes on when it comes up again.
    pub async fn filled(&self) -> io::Result<()> {
        self.ring.ready(ring::WANTED).await?.clear_ready();
        self.ring.get_ref().socket().error()
    }

    /// Hands over every frame the kernel passed on, oldest first, and gives its memory back.
    ///
    /// Says whether that is everything there is: no frame rests in a block that is not full.
    ///
    /// A frame of `lo` comes twice, once transmitted and once received; one that crosses a pair of
    /// devices comes once for each of them in this namespace.
    ///
    /// # Errors
    ///
    /// The ring makes no sense; the rest of that block is lost.
    pub fn drain(&mut self, take: &mut dyn FnMut(Frame<'_>)) -> io::Result<bool> {
        let ring = self.ring.get_mut();
        // Not more than a round, so that a flood does not keep the caller for ever.
        for _ in 0..ring.blocks() {
            let Some(bytes) = ring.filled_block() else {
                return Ok(!ring.is_pending());
            };
            let mut delivered = 0;
            let walked = block::walk(bytes, &mut |frame| {
                delivered += 1;
                take(frame);
            });
            self.seen.delivered += delivered;
            ring.release();
            walked?;
        }
        Ok(false)
    }

    /// What the capture has seen until now, frames still in the ring included.
    ///
    /// # Errors
    ///
    /// The kernel does not say.
    pub fn statistics(&mut self) -> io::Result<Statistics> {
        let (passed, dropped) = self.ring.get_ref().socket().statistics()?;
        self.seen.passed += u64::from(passed);
        self.seen.dropped += u64::from(dropped);
        Ok(self.seen)
    }

    /// The name a device of the captured namespace has now; `None` when it is gone.
    #[must_use]
    pub fn device_name(&self, index: u32) -> Option<String> {
        self.ring.get_ref().socket().device_name(index)
    }
}
