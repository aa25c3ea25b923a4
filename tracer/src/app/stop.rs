//! Signals: the first asks to stop, the second does not ask.

use std::{io, sync::Arc};

use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::Notify,
};

/// Told when the user asks to stop.
pub(super) struct Stop(Arc<Notify>);

impl Stop {
    /// Listens for SIGINT and SIGTERM on a worker of the runtime, so that they are heard even while
    /// the main thread is stuck in a write.
    ///
    /// # Errors
    ///
    /// The handlers cannot be installed.
    pub(super) fn listen() -> io::Result<Self> {
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let notify = Arc::new(Notify::new());
        let told = Arc::clone(&notify);
        tokio::spawn(async move {
            either(&mut interrupt, &mut terminate).await;
            told.notify_one();
            either(&mut interrupt, &mut terminate).await;
            leave();
        });
        Ok(Self(notify))
    }

    /// Waits for the first signal.
    pub(super) async fn asked(&self) {
        self.0.notified().await;
    }
}

async fn either(interrupt: &mut Signal, terminate: &mut Signal) {
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}

/// Ends the process at once; the kernel takes everything attached down with it.
#[expect(
    clippy::exit,
    reason = "the second signal means now, whatever the main thread is doing"
)]
fn leave() {
    std::process::exit(130);
}
