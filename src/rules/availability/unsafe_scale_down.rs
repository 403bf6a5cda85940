use crate::kubernetes::RunsPods;
use crate::pointer::Pointer;
use crate::rule::{Action, Context, Findings, Rule, Update, rule};
use crate::rules::lifecycle::claims;

rule! {
    /// Fewer replicas by a step that takes data or a majority away.
    ///
    /// ## What it does
    /// When an update or a scale takes replicas away, finds claims that go with them, where
    /// `persistentVolumeClaimRetentionPolicy.whenScaled` is `Delete`; and, with a server that needs a majority of its
    /// members, more than one taken at once or fewer left than the majority. Scaling to 0 stops the set and is fine but for
    /// the claims. Autoscalers cannot be told from people: a scale is at most warned about, whatever the policy says.
    ///
    /// ## Why it matters
    /// A member that is only switched off still counts: 1 of 3 is no majority, and the cluster stops. Of 5 that become 3 it
    /// still works, and does not survive one more that fails. Claims that are deleted take their volumes along where the
    /// reclaim policy is `Delete`, and the next scale up starts on empty ones.
    ///
    /// ## Example
    /// `kubectl scale statefulset etcd --replicas=1`, where there were 3.
    ///
    /// ## Use instead
    /// Remove a member from the cluster, for example `etcdctl member remove`, scale down by one, wait until all is well, and
    /// so on.
    ///
    /// ## Fix
    /// None: what has been removed from the cluster before is not known.
    ///
    /// ## Exemptions
    /// `stsguard.dev/exempt-unsafe-scale-down` on the StatefulSet, for example where members leave by themselves.
    ///
    /// ## References
    /// - etcd documentation, "Runtime reconfiguration"; Kubernetes documentation, "StatefulSet", section
    ///   "PersistentVolumeClaim retention".
    pub UnsafeScaleDown {
        code: "STS505", name: "unsafe-scale-down", since: "0.1",
        hooks: [StatefulSetUpdate],
        default: [Audit, Warn, Warn]
    }
}

impl Rule for UnsafeScaleDown {
    fn stateful_set_update(&self, change: &Update<'_, '_>, _: &Context<'_>, found: &mut Findings<'_, '_>) {
        let (before, after) = (change.old.replicas(), change.new.replicas());
        let most = if change.is_scale() { Action::Warn } else { Action::Deny };
        if after >= before {
            return;
        }
        let retention = change.new.spec.persistent_volume_claim_retention_policy.as_ref();
        let is_deleted = retention.and_then(|policy| policy.when_scaled.as_deref()) == Some("Delete");
        if is_deleted && !change.new.claim_templates().is_empty() {
            found
                .part("claims", Pointer::new("/spec/persistentVolumeClaimRetentionPolicy/whenScaled"))
                .say(format!(
                    "whenScaled is Delete: {} and the data in them are deleted too",
                    claims(change.new, after, before)
                ))
                .help("to keep them, set whenScaled: Retain before you scale down")
                .at_most(most);
        }
        let Some(server) = change.new.leading().filter(|server| server.quorum().is_some()) else { return };
        let majority = before / 2 + 1;
        if after == 0 || (before - after == 1 && after >= majority) {
            return;
        }
        let title = server.engine.title;
        let left = if after < majority { ", more than are left" } else { "" };
        found
            .part("members", Pointer::new("/spec/replicas"))
            .say(format!(
                "{title} goes from {before} members to {after}; until it is told, a majority is still {majority}{left}"
            ))
            .help("remove one member from the cluster, scale down by one, wait until all is well, and so on")
            .at_most(most);
    }
}

#[cfg(test)]
mod tests {
    use crate::evaluation::{Change, Subject};
    use crate::facts::InMemory;
    use crate::kubernetes::{Scale, StatefulSet};
    use crate::policy;
    use crate::rule::{Action, Finding, Occasion, Specs};
    use crate::rules::{self, harness};
    use serde_json::{Value, json};

    fn set(image: &str, replicas: i32, when_scaled: &str) -> Value {
        json!({"metadata": {"name": "db"}, "spec": {
            "replicas": replicas,
            "ordinals": {"start": 1},
            "template": {"spec": {"containers": [{"name": "db", "image": image}]}},
            "volumeClaimTemplates": [{"metadata": {"name": "data"}}],
            "persistentVolumeClaimRetentionPolicy": {"whenScaled": when_scaled},
        }})
    }

    fn messages(image: &str, when_scaled: &str, from: i32, to: i32) -> Vec<String> {
        let found = harness::update("STS505", &set(image, from, when_scaled), &set(image, to, when_scaled));
        found.into_iter().map(|finding| finding.message).collect()
    }

    const ETCD: &str = "quay.io/coreos/etcd:v3.5.15";

    #[test]
    fn finds_members_that_are_missed() {
        let still = "until it is told, a majority is still";
        assert_eq!(messages(ETCD, "Retain", 5, 3), [format!("etcd goes from 5 members to 3; {still} 3")]);
        assert_eq!(
            messages(ETCD, "Retain", 3, 1),
            [format!("etcd goes from 3 members to 1; {still} 2, more than are left")]
        );
        assert_eq!(
            messages(ETCD, "Retain", 2, 1),
            [format!("etcd goes from 2 members to 1; {still} 2, more than are left")]
        );
    }

    #[test]
    fn accepts_one_at_a_time_a_stop_and_more_of_them() {
        for (from, to) in [(5, 4), (4, 3), (3, 2), (3, 0), (1, 0), (3, 3), (3, 5), (0, 3)] {
            assert!(messages(ETCD, "Retain", from, to).is_empty(), "{from} {to}");
        }
        for image in ["postgres:16", "acme/ledger:1", "cockroachdb/cockroach:v24.3.0", "mongo:7"] {
            assert!(messages(image, "Retain", 5, 1).is_empty(), "{image}");
        }
    }

    #[test]
    fn names_the_claims_that_go() {
        let deleted = "and the data in them are deleted too";
        let of = |from, to| messages("acme/ledger:1", "Delete", from, to);
        assert_eq!(of(5, 3), [format!("whenScaled is Delete: claims data-db-4 … -5 {deleted}")]);
        assert_eq!(of(3, 2), [format!("whenScaled is Delete: claims data-db-3 {deleted}")]);
        assert_eq!(of(3, 0), [format!("whenScaled is Delete: claims data-db-1 … -3 {deleted}")]);
        assert!(of(3, 3).is_empty() && of(3, 5).is_empty());
        assert_eq!(messages(ETCD, "Delete", 3, 1).len(), 2, "members and claims are two things");
    }

    fn denying(subject: &Subject<'_>, facts: &InMemory) -> Vec<Finding> {
        let policy = policy::parse("rules: {STS505: deny}", rules::RULES).expect("it is a policy");
        harness::findings_under(&policy, "STS505", subject, Occasion::Update, facts)
    }

    #[test]
    fn never_denies_a_scale_which_an_autoscaler_may_have_sent() {
        let (old, new): (StatefulSet, StatefulSet) =
            (harness::read(&set(ETCD, 5, "Delete")), harness::read(&set(ETCD, 1, "Delete")));
        let facts = InMemory::default().knowing::<StatefulSet>().with(harness::NAMESPACE, "db", old.clone());
        let scale = |replicas: i32| harness::read::<Scale>(&json!({"spec": {"replicas": replicas}}));
        let found = denying(&Subject::Scale { name: "db", old: &scale(5), new: &scale(1) }, &facts);
        assert_eq!(found.iter().map(|finding| finding.action).collect::<Vec<_>>(), [Action::Warn; 2]);
        let change = Change::Update { old: &old, specs: Specs::Differ };
        let found = denying(&Subject::StatefulSet(&new, change), &facts);
        assert_eq!(found.iter().map(|finding| finding.action).collect::<Vec<_>>(), [Action::Deny; 2]);
    }
}
