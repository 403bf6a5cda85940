use crate::kubernetes::{RunsPods, StatefulSet};
use crate::pointer::Pointer;
use crate::rule::{Context, Findings, Rule, Workload, rule};

rule! {
    /// StatefulSets whose pods get no time to stop.
    ///
    /// ## What it does
    /// Finds `terminationGracePeriodSeconds: 0`.
    ///
    /// ## Why it matters
    /// With 0 the API server removes the pod object at once, without waiting for the node to say that the process has
    /// ended. The controller starts the next pod under the same name while the old one may still run: two servers with one
    /// identity, and perhaps one volume. PostgreSQL, Redis, RabbitMQ, ZooKeeper and NATS start on files that a server in
    /// another pod has open, and most lose acknowledged writes; MariaDB, etcd and Prometheus refuse (docs/engines.md).
    ///
    /// ## Example
    /// ```yaml
    /// spec:
    ///   terminationGracePeriodSeconds: 0
    /// ```
    ///
    /// ## Use instead
    /// Nothing (30 seconds), or what the server needs to stop: 60 or more for a database.
    ///
    /// ## Fix
    /// None: somebody wrote it.
    ///
    /// ## Exemptions
    /// `stsguard.dev/exempt-zero-grace-period` on the StatefulSet.
    ///
    /// ## References
    /// - Kubernetes documentation, "StatefulSet", section "Deployment and Scaling Guarantees": zero is unsafe.
    pub ZeroGracePeriod {
        code: "STS302", name: "zero-grace-period", since: "0.1",
        hooks: [StatefulSet],
        default: [Warn, Deny, Deny]
    }
}

impl Rule for ZeroGracePeriod {
    fn stateful_set(&self, set: &Workload<'_, StatefulSet>, _: &Context<'_>, found: &mut Findings<'_, '_>) {
        if set.pod().termination_grace_period_seconds == Some(0) {
            found
                .object(Pointer::new(StatefulSet::POD).field("terminationGracePeriodSeconds"))
                .say("terminationGracePeriodSeconds is 0: two pods can run under one name")
                .help("remove it, or give the server time to stop: 60 or more for a database");
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::rules::harness;
    use serde_json::{Value, json};

    fn messages(grace: &Value) -> usize {
        let spec = json!({"template": {"spec": {"terminationGracePeriodSeconds": grace}}});
        harness::create("STS302", &json!({ "spec": spec })).len()
    }

    #[test]
    fn finds_zero() {
        assert_eq!(messages(&json!(0)), 1);
    }

    #[test]
    fn accepts_thirty_and_unset_and_negative() {
        assert_eq!((messages(&json!(30)), messages(&json!(null)), messages(&json!(-1))), (0, 0, 0));
    }
}
