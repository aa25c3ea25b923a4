//! The ring a packet socket shares with the kernel.
//!
//! `Documentation/networking/packet_mmap.rst`; the ring is of version 3, with blocks.
#![expect(unsafe_code, reason = "the ring is memory shared with the kernel")]

use std::{
    io,
    os::fd::AsRawFd,
    ptr::NonNull,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use tokio::io::{Interest, unix::AsyncFd};

use super::socket::Socket;

/// `block_status` of `struct tpacket_hdr_v1`, within `struct tpacket_block_desc`.
const STATUS: usize = 8;
/// `num_pkts` of it: the kernel counts up as it fills the block.
pub(super) const NUM_PACKETS: usize = 12;
/// `TPACKET_V3` of `enum tpacket_versions`.
const VERSION_3: libc::c_int = 2;
/// What to wait for; a device that goes down makes its socket an error, and not readable.
pub(super) const WANTED: Interest = Interest::READABLE.add(Interest::ERROR);
/// The kernel checks it, though blocks hold frames of any size.
const FRAME_BYTES: u32 = 2048;

/// A packet socket with its ring.
pub(super) struct Ring {
    socket: Socket,
    memory: NonNull<u8>,
    blocks: usize,
    block_bytes: usize,
    /// The block the kernel fills next, or has filled.
    next: usize,
}

// SAFETY: the mapping belongs to this value alone; it is read through `&mut self` only.
unsafe impl Send for Ring {}
// SAFETY: through `&self` only the descriptor is used, which the kernel guards.
unsafe impl Sync for Ring {}

impl AsRawFd for Ring {
    fn as_raw_fd(&self) -> i32 {
        self.socket.as_raw_fd()
    }
}

/// Makes a ring something to wait for.
pub(super) fn watch(ring: Ring) -> io::Result<AsyncFd<Ring>> {
    // SAFETY: the ring owns its descriptor and never gives it away.
    let watched = unsafe { AsyncFd::register_with_interest(ring, WANTED) };
    watched.map_err(io::Error::from)
}

impl Ring {
    /// Gives a socket a ring, before it is bound; part-filled blocks are passed on after `rest`.
    pub(super) fn of(
        socket: Socket,
        blocks: u32,
        block_bytes: u32,
        rest: Duration,
    ) -> io::Result<Self> {
        let bytes = share(&socket, blocks, block_bytes, rest)?;
        Ok(Self {
            memory: map(&socket, bytes)?,
            socket,
            blocks: usize::try_from(blocks).map_err(io::Error::other)?,
            block_bytes: usize::try_from(block_bytes).map_err(io::Error::other)?,
            next: 0,
        })
    }

    /// The socket it belongs to.
    pub(super) const fn socket(&self) -> &Socket {
        &self.socket
    }

    /// How many blocks the ring has.
    pub(super) const fn blocks(&self) -> usize {
        self.blocks
    }

    /// The next block, if the kernel has passed it on; it is ours until it is released.
    pub(super) fn filled_block(&mut self) -> Option<&[u8]> {
        if self.status().load(Ordering::Acquire) & libc::TP_STATUS_USER == 0 {
            return None;
        }
        let start = self.block();
        // SAFETY: the block lies within the mapping, which lives as long as `self`, and the kernel
        // does not write to it until `release`, which needs `&mut self` again.
        Some(unsafe { std::slice::from_raw_parts(start.as_ptr(), self.block_bytes) })
    }

    /// Whether the kernel has frames in the next block, passed on or not.
    ///
    /// It sets the count to zero when it begins to fill the block and counts a frame before it
    /// copies it (`prb_open_block`, `prb_fill_curr_block`, `net/packet/af_packet.c`). After a ring
    /// that was full all over, the count is an old one until the kernel begins anew.
    pub(super) fn is_pending(&self) -> bool {
        self.word(NUM_PACKETS).load(Ordering::Acquire) > 0
    }

    /// Gives the block back that `filled_block` showed.
    pub(super) fn release(&mut self) {
        self.status()
            .store(libc::TP_STATUS_KERNEL, Ordering::Release);
        self.next = (self.next + 1).checked_rem(self.blocks).unwrap_or(0);
    }

    fn block(&self) -> NonNull<u8> {
        // SAFETY: `next` is below `blocks`, so the block lies within the mapping.
        unsafe { self.memory.add(self.next * self.block_bytes) }
    }

    fn status(&self) -> &AtomicU32 {
        self.word(STATUS)
    }

    /// A word of the next block's descriptor.
    fn word(&self, offset: usize) -> &AtomicU32 {
        // SAFETY: the descriptor is at the block's start, so the word lies within the block.
        let word = unsafe { self.block().add(offset) };
        // SAFETY: four bytes aligned to four, mapped as long as `self` lives; the kernel writes
        // them whole.
        unsafe { AtomicU32::from_ptr(word.as_ptr().cast()) }
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        let all = self.blocks * self.block_bytes;
        // SAFETY: exactly the mapping made in `map`, which nothing else refers to any more.
        let unmapped = unsafe { libc::munmap(self.memory.as_ptr().cast(), all) };
        debug_assert_eq!(unmapped, 0, "the mapping is ours");
    }
}

/// Asks for the ring; how many bytes there are to map.
fn share(socket: &Socket, blocks: u32, block_bytes: u32, rest: Duration) -> io::Result<usize> {
    socket.set(libc::SOL_PACKET, libc::PACKET_VERSION, &VERSION_3)?;
    let all = u64::from(blocks) * u64::from(block_bytes);
    let request = libc::tpacket_req3 {
        tp_block_size: block_bytes,
        tp_block_nr: blocks,
        tp_frame_size: FRAME_BYTES,
        tp_frame_nr: u32::try_from(all / u64::from(FRAME_BYTES)).map_err(io::Error::other)?,
        tp_retire_blk_tov: u32::try_from(rest.as_millis()).map_err(io::Error::other)?,
        tp_sizeof_priv: 0,
        tp_feature_req_word: 0,
    };
    socket.set(libc::SOL_PACKET, libc::PACKET_RX_RING, &request)?;
    usize::try_from(all).map_err(io::Error::other)
}

fn map(socket: &Socket, bytes: usize) -> io::Result<NonNull<u8>> {
    // SAFETY: a new mapping at an address the kernel chooses touches no memory of ours.
    let address = unsafe {
        libc::mmap(
            std::ptr::null_mut(),
            bytes,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_SHARED,
            socket.as_raw_fd(),
            0,
        )
    };
    if address == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    NonNull::new(address.cast()).ok_or_else(io::Error::last_os_error)
}
