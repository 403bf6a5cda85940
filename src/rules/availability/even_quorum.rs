use super::members;
use crate::kubernetes::StatefulSet;
use crate::pointer::Pointer;
use crate::rule::{Context, Findings, Rule, Workload, rule};

rule! {
    /// An even number of members that need a majority.
    ///
    /// ## What it does
    /// Finds an even number of replicas, 0 not among them, of servers that do nothing without a majority of their members:
    /// etcd, ZooKeeper, ClickHouse Keeper, RabbitMQ in a cluster, Consul's servers, Vault with raft storage, and two of a
    /// MongoDB replica set. Scaling counts as well. Where another set of the same engine is in the namespace, members may be
    /// in both, and it says nothing. Brokers of Kafka and data nodes of Elasticsearch keep no quorum among themselves.
    ///
    /// ## Why it matters
    /// A majority of 4 is 3, as much as of 5: the fourth member costs a node and lets no further one fail. Two are worse
    /// than one, since either of them that is missing stops both.
    ///
    /// ## Example
    /// ```yaml
    /// spec:
    ///   replicas: 2
    ///   template:
    ///     spec: {containers: [{name: etcd, image: "quay.io/coreos/etcd:v3.5.15"}]}
    /// ```
    ///
    /// ## Use instead
    /// ```yaml
    /// spec:
    ///   replicas: 3
    /// ```
    ///
    /// ## Fix
    /// None: whether to add a member or to take one away depends on what may fail.
    ///
    /// ## Exemptions
    /// `stsguard.dev/exempt-even-quorum` on the StatefulSet, for example where members stand outside the cluster.
    ///
    /// ## References
    /// - etcd documentation, "Frequently Asked Questions", "Why an odd number of cluster members?"; ZooKeeper Administrator's
    ///   Guide, "Cross Machine Requirements"; RabbitMQ documentation, Clustering Guide, "Node Counts and Quorum"; MongoDB
    ///   Manual, "Replica Set Deployment Architectures".
    pub EvenQuorum {
        code: "STS503", name: "even-quorum", since: "0.1",
        hooks: [StatefulSet],
        default: [Off, Warn, Warn]
    }
}

impl Rule for EvenQuorum {
    fn stateful_set(&self, set: &Workload<'_, StatefulSet>, cx: &Context<'_>, found: &mut Findings<'_, '_>) {
        let replicas = set.replicas();
        if replicas < 2 || replicas % 2 != 0 {
            return;
        }
        let Some((server, quorum)) = members::of(set, cx) else { return };
        if quorum.has_arbiters && replicas > 2 {
            return;
        }
        let title = server.engine.title;
        found
            .server(server, Pointer::new("/spec/replicas"))
            .say(if replicas == 2 {
                format!("{title} with 2 members is worse off than with 1: when one is down, there is no majority")
            } else {
                let (fewer, majority) = (replicas - 1, replicas / 2 + 1);
                format!(
                    "{title} with {replicas} members survives no more failures than with {fewer}: a majority is {majority}"
                )
            })
            .help(if quorum.has_arbiters {
                "use 3 replicas, or an arbiter in a set of its own".to_owned()
            } else if replicas == 2 {
                "use 3 replicas, or 1".to_owned()
            } else {
                format!("use {} replicas, or {}", replicas + 1, replicas - 1)
            });
    }
}

#[cfg(test)]
#[path = "even_quorum_tests.rs"]
mod tests;
