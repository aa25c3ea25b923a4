//! The reader's place in the queue for a CPU.
#![expect(unsafe_code, reason = "the C library is asked")]

/// How much earlier than others the reader runs; every tenth of a second without it may fill a buffer.
const NICE: libc::c_int = -10;

/// Lets this thread, which empties the buffers, run before busier ones.
///
/// It takes no more time for that, only takes it sooner. Commands started before are not affected;
/// where it is not permitted (`CAP_SYS_NICE`), losses are counted as ever.
pub(super) fn raise() {
    // SAFETY: no pointers; zero means the calling thread.
    let _ = unsafe { libc::setpriority(libc::PRIO_PROCESS, 0, NICE) };
}
