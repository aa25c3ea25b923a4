//! Where records come from: a thing to wait on and to empty.

use std::{future::poll_fn, io, os::fd::AsRawFd, task::Poll};

use tokio::io::unix::AsyncFd;

/// A stream of records.
pub trait Source {
    /// Waits until much is waiting; the caller also comes by a timer.
    fn filled(&mut self) -> impl Future<Output = io::Result<()>>;

    /// Hands every record waiting to `take`, oldest first per CPU and lane.
    ///
    /// # Errors
    ///
    /// The buffer itself is damaged; a damaged record is handed over as it is.
    fn drain(&mut self, take: &mut dyn FnMut(&[u8])) -> io::Result<()>;
}

/// Waits until one of several buffers is filled.
///
/// # Errors
///
/// Their descriptors cannot be waited for.
pub(super) async fn any_filled<T: AsRawFd>(buffers: &[AsyncFd<T>]) -> io::Result<()> {
    poll_fn(|context| {
        for buffer in buffers {
            if let Poll::Ready(ready) = buffer.poll_read_ready(context) {
                return Poll::Ready(ready.map(|mut guard| guard.clear_ready()));
            }
        }
        Poll::Pending
    })
    .await
}
