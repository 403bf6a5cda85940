//! What Prometheus is told.

use std::sync::atomic::{AtomicI64, AtomicU64};
use std::time::Duration;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

use crate::admission::Endpoint;
use crate::certificates::Event;
use crate::cluster::StoreState;

/// Two labels with static values: no allocation on the way to a counter.
type Labels = [(&'static str, &'static str); 2];
type Label = [(&'static str, &'static str); 1];

/// Upper bounds of the histogram of review durations, in seconds.
const BUCKETS: [f64; 14] =
    [50e-6, 100e-6, 200e-6, 400e-6, 800e-6, 1.6e-3, 3.2e-3, 6.4e-3, 12.8e-3, 25e-3, 50e-3, 0.1, 0.25, 1.0];

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
    /// Metrics that all stand at zero.
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("stsguard");
        let durations = Family::<Label, Histogram>::new_with_constructor(|| Histogram::new(BUCKETS));
        let of = |endpoint: Endpoint| durations.get_or_create_owned(&[("endpoint", endpoint.as_str())]);
        let (mutate, validate) = (of(Endpoint::Mutate), of(Endpoint::Validate));
        let metrics = Self {
            requests: Family::default(),
            verdicts: Family::default(),
            live_reads: Family::default(),
            mutate,
            validate,
            store_age: Family::default(),
            store_broken: Family::default(),
            store_objects: Family::default(),
            store_malformed: Family::default(),
            not_after: Gauge::default(),
            ca_not_after: Gauge::default(),
            certificate_faults: Counter::default(),
            certificate_writes: Family::default(),
            callers_refused: Family::default(),
            client_ca_reload_failures: Counter::default(),
            policy_loaded: Gauge::default(),
            policy_current: Gauge::default(),
            policy_reload_failures: Counter::default(),
            connections: Gauge::default(),
            connections_closed: Family::default(),
            in_flight: Gauge::default(),
            panics: Counter::default(),
            tasks: Gauge::default(),
            registry: Registry::default(),
        };
        let r = &mut registry;
        r.register("requests", "Requests by path and HTTP status", metrics.requests.clone());
        r.register("verdicts", "Findings by rule and action, fixes as action fix", metrics.verdicts.clone());
        r.register("live_reads", "Live reads by resource and result", metrics.live_reads.clone());
        let help = "Time from a review's body to its answer";
        r.register_with_unit("review_duration", help, Unit::Seconds, durations.clone());
        let help = "Time since the API server last said something about this kind";
        r.register_with_unit("store_age", help, Unit::Seconds, metrics.store_age.clone());
        let help = "1 while a store's watch has failed and brought nothing since";
        r.register("store_broken", help, metrics.store_broken.clone());
        r.register("store_objects", "Objects in a store", metrics.store_objects.clone());
        r.register("store_malformed", "Objects that could not be read", metrics.store_malformed.clone());
        let help = "When the served certificate ends, as seconds since 1970";
        r.register_with_unit("certificate_not_after", help, Unit::Seconds, metrics.not_after.clone());
        let help = "Looks at the certificate that found none to serve, or could not keep it in order";
        r.register("certificate_reload_failures", help, metrics.certificate_faults.clone());
        let help = "When the CA that stsguard keeps ends, as seconds since 1970";
        r.register_with_unit("ca_not_after", help, Unit::Seconds, metrics.ca_not_after.clone());
        for to in [TO_SECRET, TO_CONFIGURATION] {
            drop(metrics.certificate_writes.get_or_create(&[("to", to)]));
        }
        let help = "Writes of the self-managed certificates, to the secret or to a webhook configuration";
        r.register("certificate_writes", help, metrics.certificate_writes.clone());
        for reason in ["absent", "untrusted", "expired", "name"] {
            drop(metrics.callers_refused.get_or_create(&[("reason", reason)]));
        }
        let help = "Callers without a client certificate that lets them in, by reason";
        r.register("callers_refused", help, metrics.callers_refused.clone());
        let help = "Looks at the client CA's file that found what cannot be used";
        r.register("client_ca_reload_failures", help, metrics.client_ca_reload_failures.clone());
        let help = "When the policy file was last taken over, as seconds since 1970; 0 without a file";
        r.register_with_unit("policy_loaded", help, Unit::Seconds, metrics.policy_loaded.clone());
        let help = "1 while reviews are decided by what the policy file says now, 0 while it is faulty";
        r.register("policy_current", help, metrics.policy_current.clone());
        let help = "Looks at the policy file that found what cannot be used";
        r.register("policy_reload_failures", help, metrics.policy_reload_failures.clone());
        r.register("connections", "Open connections", metrics.connections.clone());
        for reason in ["crowd", "files", "handshake", "first_header"] {
            drop(metrics.connections_closed.get_or_create(&[("reason", reason)]));
        }
        let help = "Connections that a limit has ended, by reason";
        r.register("connections_closed", help, metrics.connections_closed.clone());
        r.register("in_flight", "Reviews being decided", metrics.in_flight.clone());
        r.register("panics", "Reviews that ended in a panic, answered with 500", metrics.panics.clone());
        let help = "Tasks of the runtime: a fixed number and one for each connection; more and more of them is a leak";
        r.register("tasks", help, metrics.tasks.clone());
        // Without a file, the policy is what the settings say.
        metrics.policy_current.set(1);
        let version = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        r.register("build", "The running version", version);
        Self { registry, ..metrics }
    }

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
