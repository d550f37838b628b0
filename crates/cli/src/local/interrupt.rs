//! Ctrl-C, SIGTERM, and the end of the terminal (SIGHUP).

use tokio::signal::unix::{Signal, SignalKind, signal};

/// The signals that request this program to stop.
#[derive(Debug)]
pub(crate) struct Interrupt {
    ctrl_c: Signal,
    terminate: Signal,
    hang_up: Signal,
}

/// The signals cannot be received.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub(crate) struct SignalError(#[from] std::io::Error);

impl Interrupt {
    /// Starts to receive the signals. They do not end the process from then on.
    pub(crate) fn listen() -> Result<Self, SignalError> {
        Ok(Self {
            ctrl_c: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    /// Waits for any of them.
    pub(crate) async fn wait(&mut self) {
        tokio::select! {
            _ = self.ctrl_c.recv() => {}
            _ = self.terminate.recv() => {}
            _ = self.hang_up.recv() => {}
        }
    }
}
