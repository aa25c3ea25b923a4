//! Signals: the first asks to stop, the second does not ask.

use std::{io, sync::Arc, time::Duration};

use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::Notify,
    time::timeout,
};

/// Signals that follow the first one this closely add nothing to it.
const SAID_TWICE: Duration = Duration::from_millis(300);

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
            // timeout(1) signals its child and then its whole group: that is one wish, said twice.
            let again = async {
                loop {
                    either(&mut interrupt, &mut terminate).await;
                }
            };
            let _ = timeout(SAID_TWICE, again).await;
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
