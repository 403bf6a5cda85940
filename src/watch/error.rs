//! Why a watch failed.

use std::time::Duration;

/// Why a watch failed.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    /// The API server refuses, cannot be reached, or says what cannot be read.
    #[error(transparent)]
    Client(#[from] kube::Error),
    /// Nothing has come for as long as an API server that is there needs at most.
    #[error("the API server has said nothing for {0:?}")]
    Silent(Duration),
    /// A list does not say which version it is of.
    #[error("the API server's list has no resourceVersion")]
    NoVersion,
    /// The API server, or a proxy before it, ends watches as soon as they are open.
    #[error("the watch was ended as soon as it was open")]
    TooSoon,
}

impl WatchError {
    /// Whether there was no answer at all, or it broke off.
    pub fn is_away(&self) -> bool {
        use kube::Error::{HyperError, ReadEvents, Service};
        matches!(self, Self::Silent(_) | Self::Client(HyperError(_) | ReadEvents(_) | Service(_)))
    }

    /// What lies at the bottom of it: `connection refused`. What could not be read is not told: it may be anything.
    pub fn cause(&self) -> String {
        let mut error: &(dyn std::error::Error + 'static) = self;
        while let Some(source) = error.source() {
            error = source;
        }
        match error.downcast_ref::<serde_json::Error>() {
            Some(error) => format!("the answer cannot be read, at its line {} column {}", error.line(), error.column()),
            None => error.to_string(),
        }
    }
}
