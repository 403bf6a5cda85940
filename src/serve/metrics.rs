//! What Prometheus is told.

mod registered;

use std::sync::atomic::{AtomicI64, AtomicU64};
use std::time::Duration;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use rustls::ProtocolVersion;

use crate::admission::Endpoint;
use crate::certificates::Event;
use crate::cluster::StoreState;

/// Two labels with static values: no allocation on the way to a counter.
type Labels = [(&'static str, &'static str); 2];
type Label = [(&'static str, &'static str); 1];

/// What self-managed certificates are written to.
const TO_SECRET: &str = "secret";
const TO_CONFIGURATION: &str = "webhook configuration";

/// All metrics of a server.
pub struct Metrics {
    registry: Registry,
    requests: Family<Labels, Counter>,
    verdicts: Family<Labels, Counter>,
    live_reads: Family<Labels, Counter>,
    mutate: Histogram,
    validate: Histogram,
    store_age: Family<Label, Gauge<f64, AtomicU64>>,
    store_broken: Family<Label, Gauge>,
    store_objects: Family<Label, Gauge>,
    store_malformed: Family<Label, Gauge>,
    not_after: Gauge<i64, AtomicI64>,
    ca_not_after: Gauge<i64, AtomicI64>,
    certificate_faults: Counter,
    certificate_writes: Family<Label, Counter>,
    handshakes: Family<Label, Counter>,
    handshakes_refused: Family<Labels, Counter>,
    callers_refused: Family<Label, Counter>,
    client_ca_reload_failures: Counter,
    policy_loaded: Gauge<i64, AtomicI64>,
    policy_current: Gauge,
    policy_reload_failures: Counter,
    /// Open connections.
    pub connections: Gauge,
    connections_closed: Family<Label, Counter>,
    /// Reviews being decided.
    pub in_flight: Gauge,
    panics: Counter,
    tasks: Gauge,
}

impl Metrics {
    /// Counts a request; `code` is its HTTP status.
    pub fn request(&self, endpoint: &'static str, code: u16) {
        self.requests.get_or_create(&[("endpoint", endpoint), ("code", status(code))]).inc();
    }

    /// Counts a finding or a fix.
    pub fn verdict(&self, rule: &'static str, action: &'static str) {
        self.verdicts.get_or_create(&[("rule", rule), ("action", action)]).inc();
    }

    /// Records how long a review took.
    pub fn reviewed(&self, endpoint: Endpoint, took: Duration) {
        let histogram = match endpoint {
            Endpoint::Mutate => &self.mutate,
            Endpoint::Validate => &self.validate,
        };
        histogram.observe(took.as_secs_f64());
    }

    /// Counts a live read.
    pub fn live_read(&self, resource: &'static str, result: &'static str) {
        self.live_reads.get_or_create(&[("resource", resource), ("result", result)]).inc();
    }

    /// Counts a review that ended in a panic.
    pub fn panic(&self) {
        self.panics.inc();
    }

    /// Records when the served certificate ends.
    pub fn certificate_not_after(&self, seconds: i64) {
        self.not_after.set(seconds);
    }

    /// Counts a pair that cannot be served.
    pub fn certificate_fault(&self) {
        self.certificate_faults.inc();
    }

    /// Notes what became of the certificates that stsguard makes itself.
    pub fn certificate_event(&self, event: Event) {
        match event {
            Event::Served(leaf, authority) => {
                self.not_after.set(leaf);
                self.ca_not_after.set(authority);
            }
            Event::Stored => {
                self.certificate_writes.get_or_create(&[("to", TO_SECRET)]).inc();
            }
            Event::Published => {
                self.certificate_writes.get_or_create(&[("to", TO_CONFIGURATION)]).inc();
            }
            Event::Failed => self.certificate_fault(),
        }
    }

    /// Counts a connection that a limit has ended.
    pub fn connection_closed(&self, reason: &'static str) {
        self.connections_closed.get_or_create(&[("reason", reason)]).inc();
    }

    /// Counts a TLS handshake that has succeeded, by the version that both speak.
    pub fn handshake(&self, version: Option<ProtocolVersion>) {
        let version = match version {
            Some(ProtocolVersion::TLSv1_2) => "1.2",
            _ => "1.3",
        };
        self.handshakes.get_or_create(&[("version", version)]).inc();
    }

    /// Counts a client that cannot speak our TLS; `name` says whether it had asked for ours.
    pub fn handshake_refused(&self, reason: &'static str, name: &'static str) {
        self.handshakes_refused.get_or_create(&[("reason", reason), ("name", name)]).inc();
    }

    /// Counts a caller who was not let in.
    pub fn caller_refused(&self, reason: &'static str) {
        self.callers_refused.get_or_create(&[("reason", reason)]).inc();
    }

    /// Counts a client CA that cannot be used.
    pub fn client_ca_fault(&self) {
        self.client_ca_reload_failures.inc();
    }

    /// Records when the policy file was taken over.
    pub fn policy_loaded(&self, seconds: i64) {
        self.policy_loaded.set(seconds);
    }

    /// Records whether reviews are decided by what the policy file says now.
    pub fn policy_is_current(&self, current: bool) {
        self.policy_current.set(i64::from(current));
    }

    /// Counts a policy file that cannot be used.
    pub fn policy_fault(&self) {
        self.policy_reload_failures.inc();
    }

    /// All metrics as OpenMetrics text.
    pub fn encode(&self, stores: &[StoreState]) -> String {
        for store in stores {
            let label = [("store", store.name)];
            self.store_age.get_or_create(&label).set(store.age.as_secs_f64());
            self.store_broken.get_or_create(&label).set(store.broken.into());
            self.store_objects.get_or_create(&label).set(i64::try_from(store.objects).unwrap_or(i64::MAX));
            self.store_malformed.get_or_create(&label).set(i64::try_from(store.malformed).unwrap_or(i64::MAX));
        }
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            self.tasks.set(i64::try_from(runtime.metrics().num_alive_tasks()).unwrap_or(i64::MAX));
        }
        let mut text = String::new();
        match encode(&mut text, &self.registry) {
            Ok(()) => text,
            Err(error) => format!("# the metrics cannot be written: {error}\n"),
        }
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

/// The statuses that this server answers with, as text.
fn status(code: u16) -> &'static str {
    match code {
        200 => "200",
        400 => "400",
        401 => "401",
        403 => "403",
        404 => "404",
        405 => "405",
        408 => "408",
        413 => "413",
        415 => "415",
        429 => "429",
        503 => "503",
        _ => "500",
    }
}
