//! The names of the metrics, and what they mean.

use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Metric, Registry, Unit};

use super::{Label, Metrics, TO_CONFIGURATION, TO_SECRET};
use crate::admission::Endpoint;

/// Upper bounds of the histogram of review durations, in seconds.
const BUCKETS: [f64; 14] =
    [50e-6, 100e-6, 200e-6, 400e-6, 800e-6, 1.6e-3, 3.2e-3, 6.4e-3, 12.8e-3, 25e-3, 50e-3, 0.1, 0.25, 1.0];

impl Metrics {
    /// Metrics that all stand at zero.
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("stsguard");
        let r = &mut registry;
        let version = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        r.register("build", "The running version", version);
        let durations = Family::<Label, Histogram>::new_with_constructor(|| Histogram::new(BUCKETS));
        let help = "Time from a review's body to its answer";
        r.register_with_unit("review_duration", help, Unit::Seconds, durations.clone());
        let of = |endpoint: Endpoint| durations.get_or_create_owned(&[("endpoint", endpoint.as_str())]);
        let metrics = Self {
            requests: made(r, "requests", "Requests by path and HTTP status"),
            verdicts: made(r, "verdicts", "Findings by rule and action, fixes as action fix"),
            live_reads: made(r, "live_reads", "Live reads by resource and result"),
            mutate: of(Endpoint::Mutate),
            validate: of(Endpoint::Validate),
            store_age: seconds(r, "store_age", "Time since the API server last said something about this kind"),
            store_broken: made(r, "store_broken", "1 while a store's watch has failed and brought nothing since"),
            store_objects: made(r, "store_objects", "Objects in a store"),
            store_malformed: made(r, "store_malformed", "Objects that could not be read"),
            not_after: seconds(r, "certificate_not_after", "When the served certificate ends, as seconds since 1970"),
            certificate_faults: made(
                r,
                "certificate_reload_failures",
                "Looks at the certificate that found none to serve, or could not keep it in order",
            ),
            ca_not_after: seconds(r, "ca_not_after", "When the CA that stsguard keeps ends, as seconds since 1970"),
            certificate_writes: made(
                r,
                "certificate_writes",
                "Writes of the self-managed certificates, to the secret or to a webhook configuration",
            ),
            handshakes: made(r, "handshakes", "TLS handshakes that have succeeded, by version"),
            handshakes_refused: made(
                r,
                "handshakes_refused",
                "TLS handshakes with nothing in common, by what was missing and whether our name was asked for",
            ),
            callers_refused: made(
                r,
                "callers_refused",
                "Callers without a client certificate that lets them in, by reason",
            ),
            client_ca_reload_failures: made(
                r,
                "client_ca_reload_failures",
                "Looks at the client CA's file that found what cannot be used",
            ),
            policy_loaded: seconds(
                r,
                "policy_loaded",
                "When the policy file was last taken over, as seconds since 1970; 0 without a file",
            ),
            policy_current: made(
                r,
                "policy_current",
                "1 while reviews are decided by what the policy file says now, 0 while it is faulty",
            ),
            policy_reload_failures: made(
                r,
                "policy_reload_failures",
                "Looks at the policy file that found what cannot be used",
            ),
            connections: made(r, "connections", "Open connections"),
            connections_closed: made(r, "connections_closed", "Connections that a limit has ended, by reason"),
            in_flight: made(r, "in_flight", "Reviews being decided"),
            panics: made(r, "panics", "Reviews that ended in a panic, answered with 500"),
            tasks: made(
                r,
                "tasks",
                "Tasks of the runtime: a fixed number and one for each connection; more and more of them is a leak",
            ),
            registry,
        };
        // What has not happened yet stands at 0, or its first time would be no increase.
        for to in [TO_SECRET, TO_CONFIGURATION] {
            drop(metrics.certificate_writes.get_or_create(&[("to", to)]));
        }
        for reason in ["absent", "untrusted", "expired", "name"] {
            drop(metrics.callers_refused.get_or_create(&[("reason", reason)]));
        }
        for version in ["1.2", "1.3"] {
            drop(metrics.handshakes.get_or_create(&[("version", version)]));
        }
        for (reason, name) in ["version", "suite", "certificate"].into_iter().flat_map(|r| [(r, "ours"), (r, "other")])
        {
            drop(metrics.handshakes_refused.get_or_create(&[("reason", reason), ("name", name)]));
        }
        for reason in ["crowd", "files", "handshake", "first_header"] {
            drop(metrics.connections_closed.get_or_create(&[("reason", reason)]));
        }
        // Without a file, the policy is what the settings say.
        metrics.policy_current.set(1);
        metrics
    }
}

/// A metric that stands at zero, registered.
fn made<M: Metric + Clone + Default>(registry: &mut Registry, name: &str, help: &str) -> M {
    let metric = M::default();
    registry.register(name, help, metric.clone());
    metric
}

/// The same, in seconds.
fn seconds<M: Metric + Clone + Default>(registry: &mut Registry, name: &str, help: &str) -> M {
    let metric = M::default();
    registry.register_with_unit(name, help, Unit::Seconds, metric.clone());
    metric
}
