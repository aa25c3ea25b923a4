//! Where records come from: a thing to wait on and to empty.

use std::io;

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
