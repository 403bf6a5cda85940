//! A gauge that is lowered again by itself.

use prometheus_client::metrics::gauge::Gauge;

/// Counts one more in a gauge for as long as it lives: also when the peer leaves, and the future that waits is dropped.
pub(super) struct GaugeGuard<'a>(&'a Gauge);

impl<'a> GaugeGuard<'a> {
    /// One more.
    pub(super) fn new(gauge: &'a Gauge) -> Self {
        gauge.inc();
        Self(gauge)
    }
}

impl Drop for GaugeGuard<'_> {
    fn drop(&mut self) {
        self.0.dec();
    }
}
