use crate::kubernetes::RunsPods;
use crate::pointer::Pointer;
use crate::rule::{Context, Findings, Rule, Update, rule};

rule! {
    /// Changes that a partition keeps from some of the pods, or from all.
    ///
    /// ## What it does
    /// When an update changes the pod template, finds a `partition` that keeps pods on the old one: those whose ordinal is
    /// below it. It is silent where updates do not roll (`OnDelete`), and when a partition is set or lowered by itself.
    ///
    /// ## Why it matters
    /// A partition is meant for trying a change on a few pods first. Left behind, it makes each later change reach these
    /// few alone, or none at all, and nothing fails: the update counts as done. The other pods stay on the old template,
    /// also when they are deleted and made again.
    ///
    /// ## Example
    /// ```yaml
    /// spec:
    ///   replicas: 3
    ///   updateStrategy:
    ///     rollingUpdate: {partition: 2}   # pods 0 and 1 keep the old template
    /// ```
    ///
    /// ## Use instead
    /// ```yaml
    /// spec:
    ///   replicas: 3
    ///   updateStrategy:
    ///     rollingUpdate: {partition: 0}
    /// ```
    ///
    /// ## Fix
    /// None: the change may be on trial just now.
    ///
    /// ## Exemptions
    /// `stsguard.dev/exempt-partition-left-behind` on the StatefulSet, for example where a tool moves the partition.
    ///
    /// ## References
    /// - Kubernetes documentation, "StatefulSet", section "Partitioned rolling updates".
    pub PartitionLeftBehind {
        code: "STS309", name: "partition-left-behind", since: "0.1",
        hooks: [StatefulSetUpdate],
        default: [Off, Warn, Warn]
    }
}

impl Rule for PartitionLeftBehind {
    fn stateful_set_update(&self, change: &Update<'_, '_>, _: &Context<'_>, found: &mut Findings<'_, '_>) {
        let set = change.new;
        let (partition, first, replicas) = (set.partition(), set.first_ordinal(), set.replicas());
        let kept = partition.saturating_sub(first).min(replicas);
        if kept < 1 || !change.changes_template() {
            return;
        }
        let name = set.metadata().display_name();
        found
            .object(Pointer::new("/spec/updateStrategy/rollingUpdate/partition"))
            .say(if kept == replicas {
                format!("this change reaches no pod: partition {partition} keeps them all on the old template")
            } else if kept == 1 {
                format!("partition {partition} keeps pod {first} on the old template, also when it is made again")
            } else {
                let last = first.saturating_add(kept - 1);
                format!(
                    "partition {partition} keeps pods {first} to {last} on the old template, also when they restart"
                )
            })
            .help(format!(
                "when the new pods are good: kubectl patch statefulset {name} --type merge -p \
                 '{{\"spec\":{{\"updateStrategy\":{{\"rollingUpdate\":{{\"partition\":0}}}}}}}}'"
            ));
    }
}

#[cfg(test)]
mod tests {
    use crate::rules::harness;
    use serde_json::{Value, json};

    fn set(replicas: i32, strategy: &Value, image: &str) -> Value {
        json!({"metadata": {"name": "db"}, "spec": {
            "replicas": replicas, "updateStrategy": strategy,
            "template": {"spec": {"containers": [{"name": "db", "image": image}]}},
        }})
    }

    fn rolling(partition: &Value) -> Value {
        json!({"type": "RollingUpdate", "rollingUpdate": {"partition": partition}})
    }

    fn updated(replicas: i32, strategy: &Value) -> Vec<String> {
        let found =
            harness::update("STS309", &set(replicas, strategy, "acme/x:1"), &set(replicas, strategy, "acme/x:2"));
        found.into_iter().map(|finding| finding.message).collect()
    }

    #[test]
    fn says_which_pods_stay_behind() {
        assert!(updated(3, &rolling(&json!(1)))[0].contains("keeps pod 0 on"));
        assert!(updated(3, &rolling(&json!(2)))[0].contains("keeps pods 0 to 1 on"));
        for all in [3, 99, i32::MAX] {
            assert!(updated(3, &rolling(&json!(all)))[0].starts_with("this change reaches no pod"));
        }
        assert!(updated(1, &rolling(&json!(1)))[0].starts_with("this change reaches no pod"));
    }

    #[test]
    fn counts_from_the_first_ordinal() {
        let at = |partition: i32, image: &str| {
            let mut set = set(3, &rolling(&json!(partition)), image);
            set["spec"]["ordinals"] = json!({"start": 5});
            set
        };
        assert!(harness::update("STS309", &at(5, "acme/x:1"), &at(5, "acme/x:2")).is_empty());
        let found = harness::update("STS309", &at(7, "acme/x:1"), &at(7, "acme/x:2"));
        assert!(found[0].message.contains("keeps pods 5 to 6 on"), "{found:?}");
    }

    #[test]
    fn accepts_no_partition_no_pods_and_updates_that_do_not_roll() {
        for strategy in [json!(null), json!({}), rolling(&json!(0)), rolling(&json!(null)), rolling(&json!(-1))] {
            assert!(updated(3, &strategy).is_empty(), "{strategy}");
        }
        assert!(updated(0, &rolling(&json!(2))).is_empty());
        assert!(updated(3, &json!({"type": "OnDelete", "rollingUpdate": {"partition": 2}})).is_empty());
    }

    #[test]
    fn says_nothing_while_the_template_stays() {
        let at = |partition: i32, replicas: i32| set(replicas, &rolling(&json!(partition)), "acme/x:1");
        assert!(harness::update("STS309", &at(3, 3), &at(2, 3)).is_empty());
        assert!(harness::update("STS309", &at(0, 3), &at(3, 3)).is_empty());
        assert!(harness::update("STS309", &at(2, 3), &at(2, 5)).is_empty());
    }
}
