use super::governing::governing;
use crate::facts::{Address, Lookup, Pairs, ServiceFacts};
use crate::kubernetes::{Container, RunsPods, StatefulSet};
use crate::pointer::Pointer;
use crate::rule::{Context, Findings, Rule, Workload, rule};

rule! {
    /// Peers that must find each other before they are ready, and are published only once they are.
    ///
    /// ## What it does
    /// Finds several replicas of Elasticsearch, OpenSearch, etcd, ZooKeeper or RabbitMQ whose readinessProbe asks for more
    /// than the server itself (`/health` of etcd, `_cluster/health`, `zkServer.sh status`, `check_running`) and whose
    /// command, arguments or environment name the governing Service, if that is headless and has no
    /// `publishNotReadyAddresses`. A probe that a pod passes alone (`ruok`, `rabbitmq-diagnostics ping`, a port) is fine, and
    /// so is one of which it is not known what it asks. The old annotation `tolerate-unready-endpoints` does not count: DNS
    /// no longer follows it.
    ///
    /// ## Why it matters
    /// A headless Service gives a pod its name only when the pod is ready. These pods become ready only when they have found
    /// their peers, by these names. After the whole cluster was down, each waits for the others for ever.
    ///
    /// ## Example
    /// ```yaml
    /// kind: Service
    /// metadata: {name: etcd}
    /// spec:
    ///   clusterIP: None
    ///   selector: {app: etcd}
    /// ```
    ///
    /// ## Use instead
    /// ```yaml
    /// kind: Service
    /// metadata: {name: etcd}
    /// spec:
    ///   clusterIP: None
    ///   publishNotReadyAddresses: true
    ///   selector: {app: etcd}
    /// ```
    /// Clients get a second Service without it, so that nobody is sent to a server that still recovers.
    ///
    /// ## Fix
    /// None: it stands in another object.
    ///
    /// ## Exemptions
    /// `stsguard.dev/exempt-unpublished-peers` on the StatefulSet.
    ///
    /// ## References
    /// - helm/charts#4151, bitnami/charts#4748: the deadlock with Elasticsearch and etcd, and its end.
    /// - rabbitmq/rabbitmq-cli#426: readiness that needs a fully booted node.
    pub UnpublishedPeers {
        code: "STS107", name: "unpublished-peers", since: "0.1",
        hooks: [StatefulSet],
        default: [Audit, Warn, Warn]
    }
}

impl Rule for UnpublishedPeers {
    fn stateful_set(&self, set: &Workload<'_, StatefulSet>, cx: &Context<'_>, found: &mut Findings<'_, '_>) {
        let Some(server) = set.main().filter(|server| set.replicas() > 1 && server.needs_peers_before_ready()) else {
            return;
        };
        let Some(name) = governing(set, cx).filter(|name| names(server.container, name)) else { return };
        let Lookup::Found(service) = cx.get::<ServiceFacts>(name) else { return };
        // What is not headless is the business of STS101, what does not select the pods of STS104.
        let publishes_pods = service.address == Address::Headless
            && !service.selector.is_empty()
            && service.selector.missing_from(&Pairs::from(&set.template().metadata.labels)).is_none();
        if publishes_pods && !service.publishes_not_ready {
            found
                .server(server, Pointer::new("/spec/serviceName"))
                .say(format!(
                    "{} is ready only with its peers, but Service {name:?} publishes pods only when they are ready",
                    server.engine.title
                ))
                .help(format!("set publishNotReadyAddresses: true in Service {name:?}; let clients use another one"));
        }
    }
}

/// Whether the server is told of this Service: what else it may find its peers by is not known.
fn names(container: &Container, service: &str) -> bool {
    let values = container.env.iter().filter_map(|entry| entry.value.as_ref());
    let mut texts = container.command.iter().chain(&container.args).chain(values);
    let goes_on = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    texts.any(|text| {
        text.match_indices(service).any(|(at, _)| {
            let (before, after) = (&text[..at], &text[at + service.len()..]);
            !before.ends_with(goes_on) && !after.starts_with(goes_on)
        })
    })
}

#[cfg(test)]
#[path = "unpublished_peers_tests.rs"]
mod tests;
