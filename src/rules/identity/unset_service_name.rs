use crate::kubernetes::StatefulSet;
use crate::pointer::Pointer;
use crate::rule::{Action, Context, Findings, Rule, Workload, rule};

rule! {
    /// StatefulSets without a governing Service.
    ///
    /// ## What it does
    /// Finds StatefulSets whose `serviceName` is empty. That is legal, and right for pods that nobody calls by name, so
    /// `recommended` only audits it. It warns where several replicas run a server that finds its peers by name: Cassandra,
    /// ScyllaDB, Elasticsearch, OpenSearch, etcd, ZooKeeper, Kafka, RabbitMQ, MongoDB, Consul, Vault, CockroachDB, NATS,
    /// MinIO, ClickHouse Keeper, Galera and Redis in cluster mode.
    ///
    /// ## Why it matters
    /// Pods get DNS names of their own only as members of the Service that `serviceName` names. Without it the pods of a
    /// cluster reach each other by addresses that change with every restart, or not at all. `serviceName` cannot be changed
    /// later.
    ///
    /// ## Example
    /// ```yaml
    /// kind: StatefulSet
    /// spec:
    ///   replicas: 3   # and no serviceName
    /// ```
    ///
    /// ## Use instead
    /// ```yaml
    /// kind: StatefulSet
    /// spec:
    ///   serviceName: etcd   # a headless Service of this namespace
    ///   replicas: 3
    /// ```
    ///
    /// ## Fix
    /// None: there may be no such Service.
    ///
    /// ## Exemptions
    /// `stsguard.dev/exempt-unset-service-name` on the StatefulSet.
    ///
    /// ## References
    /// - kubernetes/kubernetes#130233: `serviceName` is optional.
    /// - Kubernetes documentation, "StatefulSet", section "Stable Network ID".
    pub UnsetServiceName {
        code: "STS103", name: "unset-service-name", since: "0.1",
        hooks: [StatefulSet],
        default: [Off, Audit, Warn]
    }
}

impl Rule for UnsetServiceName {
    fn stateful_set(&self, set: &Workload<'_, StatefulSet>, _: &Context<'_>, found: &mut Findings<'_, '_>) {
        if set.service_name().is_some() {
            return;
        }
        let server = set.main().filter(|server| set.replicas() > 1 && server.finds_peers_by_name());
        let finding = found
            .object(Pointer::new("/spec/serviceName"))
            .help("name a headless Service of this namespace in serviceName if pods are to be found by name");
        match server {
            Some(server) => finding
                .say(format!(
                    "serviceName is empty, which is legal, but {} finds its peers by the names that it gives",
                    server.engine.title
                ))
                .at_least(Action::Warn),
            None => finding.say("serviceName is empty: that is legal, and the pods get no DNS names of their own"),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluation::{Change, Subject};
    use crate::facts::InMemory;
    use crate::rule::{Finding, Occasion, Profile};
    use crate::rules::{self, harness};
    use serde_json::{Value, json};

    fn under(profile: Profile, name: &Value, replicas: i32, container: &Value) -> Vec<Finding> {
        let template = json!({"spec": {"containers": [container]}});
        let set = json!({"spec": {"serviceName": name, "replicas": replicas, "template": template}});
        let set: StatefulSet = harness::read(&set);
        let subject = Subject::StatefulSet(&set, Change::State);
        let policy = rules::policy(profile);
        harness::findings_under(&policy, "STS103", &subject, Occasion::Create, &InMemory::default())
    }

    fn action(name: &Value, replicas: i32, container: &Value) -> Option<Action> {
        under(Profile::Recommended, name, replicas, container).first().map(|finding| finding.action)
    }

    #[test]
    fn warns_where_peers_find_each_other_by_name() {
        for container in [
            json!({"image": "quay.io/coreos/etcd:v3.6.0"}),
            json!({"image": "acme/rabbitmq:4"}),
            json!({"image": "redis:7", "args": ["--cluster-enabled", "yes"]}),
        ] {
            assert_eq!(action(&json!(""), 3, &container), Some(Action::Warn), "{container}");
        }
    }

    #[test]
    fn only_audits_what_may_need_no_names() {
        let etcd = json!({"image": "etcd", "command": ["/scripts/run.sh"]});
        for (replicas, container) in [
            (1, json!({"image": "etcd"})),
            (3, json!({"image": "acme/app:1"})),
            (3, json!({"image": "redis:7"})),
            (3, etcd),
        ] {
            assert_eq!(action(&json!(null), replicas, &container), Some(Action::Audit), "{container}");
        }
    }

    #[test]
    fn accepts_a_name_and_is_off_in_baseline() {
        assert_eq!(action(&json!("etcd"), 3, &json!({"image": "etcd"})), None);
        assert!(under(Profile::Baseline, &json!(""), 3, &json!({"image": "etcd"})).is_empty());
        assert_eq!(under(Profile::Strict, &json!(""), 1, &json!({"image": "acme/app:1"}))[0].action, Action::Warn);
    }
}
