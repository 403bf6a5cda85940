//! Settings of the certificates that stsguard makes itself, and the events that they report.

use std::time::Duration;

use crate::certificates::authority::Lives;

/// The names of the objects in which the certificates are kept and published.
#[derive(Debug, Clone)]
pub struct ObjectNames {
    /// The namespace of the Service and the Secret.
    pub namespace: String,
    /// The Service that the webhook entries call.
    pub service: String,
    /// The Secret.
    pub secret: String,
    /// The name of both webhook configurations.
    pub configuration: String,
}

/// Settings of certificates that stsguard makes itself.
#[derive(Debug, Clone)]
pub struct SelfManaged {
    /// The objects in which they are kept and published.
    pub names: ObjectNames,
    /// How long they live.
    pub lives: Lives,
    /// How often the clock is looked at; timers stop while a machine sleeps, the clock does not.
    pub tick: Duration,
}

/// What happened, for metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// A pair is served; until when, in seconds since 1970: the certificate and its CA.
    Served(i64, i64),
    /// The Secret was written.
    Stored,
    /// A webhook configuration was given the bundle.
    Published,
    /// Something failed and is tried again.
    Failed,
}
