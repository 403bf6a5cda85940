use crate::kubernetes::{DeleteOptions, RunsPods, StatefulSet};
use crate::pointer::Pointer;
use crate::rule::{Context, Findings, Rule, Workload, rule};

rule! {
    /// What becomes of the claims when a StatefulSet is deleted.
    ///
    /// ## What it does
    /// On deletion of a StatefulSet with claim templates, names the claims that stay; or, where
    /// `persistentVolumeClaimRetentionPolicy.whenDeleted` is `Delete`, says that they go.
    ///
    /// ## Why it matters
    /// Claims that stay cost money and hold data that somebody believes deleted; a set created later under the same name
    /// starts on them. Claims that go take their volumes along where the reclaim policy is `Delete`.
    ///
    /// ## Example
    /// `kubectl delete statefulset postgres` leaves `data-postgres-0` behind.
    ///
    /// ## Use instead
    /// Decide about the claims: keep them for a set of the same name, or delete them once the data is safe elsewhere.
    ///
    /// ## Fix
    /// None.
    ///
    /// ## Exemptions
    /// `stsguard.dev/exempt-claims-left-behind` on the StatefulSet.
    ///
    /// ## References
    /// - KEP-1847: auto-deletion of claims made by a StatefulSet.
    pub ClaimsLeftBehind {
        code: "STS308", name: "claims-left-behind", since: "0.1",
        hooks: [StatefulSetDelete],
        default: [Audit, Warn, Warn]
    }
}

impl Rule for ClaimsLeftBehind {
    fn stateful_set_delete(
        &self,
        set: &Workload<'_, StatefulSet>,
        options: &DeleteOptions,
        _: &Context<'_>,
        found: &mut Findings<'_, '_>,
    ) {
        if set.claim_templates().is_empty() || options.orphans() {
            return;
        }
        let claims = claims(set, 0, set.replicas());
        let retention = set.spec.persistent_volume_claim_retention_policy.as_ref();
        if retention.and_then(|policy| policy.when_deleted.as_deref()) == Some("Delete") {
            found
                .object(Pointer::new("/spec/persistentVolumeClaimRetentionPolicy/whenDeleted"))
                .say(format!("whenDeleted is Delete: {claims} and the data in them are deleted too"))
                .help("to keep them, set whenDeleted: Retain before you delete the set");
        } else {
            found
                .object(Pointer::new("/spec/volumeClaimTemplates"))
                .say(format!("{claims} stay with their data; a set of the same name will start on them"))
                .help("delete the claims once their data is safe elsewhere");
        }
    }
}

/// The names of the claims of some replicas, from one to before another, shortened: the first and the last ordinal of each
/// template.
pub(in crate::rules) fn claims(set: &StatefulSet, from: i32, to: i32) -> String {
    let name = set.metadata.display_name();
    let first = set.first_ordinal().saturating_add(from);
    let last = set.first_ordinal().saturating_add(to).saturating_sub(1);
    let of_template = |template: &str| match last - first {
        0 => format!("{template}-{name}-{first}"),
        1.. => format!("{template}-{name}-{first} … -{last}"),
        _ => format!("{template}-{name}-*"),
    };
    let names: Vec<_> = set.claim_templates().iter().map(|template| of_template(template.name())).collect();
    format!("claims {}", names.join(", "))
}

#[cfg(test)]
mod tests {
    use crate::rules::harness;
    use serde_json::{Value, json};

    fn deleted(replicas: i32, when_deleted: &str, options: &Value) -> Vec<String> {
        let spec = json!({
            "replicas": replicas,
            "ordinals": {"start": 5},
            "volumeClaimTemplates": [{"metadata": {"name": "data"}}],
            "persistentVolumeClaimRetentionPolicy": {"whenDeleted": when_deleted},
        });
        harness::delete("STS308", &json!({"metadata": {"name": "pg"}, "spec": spec}), options)
    }

    #[test]
    fn names_the_claims_that_stay_by_their_ordinals() {
        let stay = "stay with their data; a set of the same name will start on them";
        assert_eq!(deleted(3, "Retain", &json!({})), [format!("claims data-pg-5 … -7 {stay}")]);
        assert_eq!(deleted(1, "Retain", &json!({})), [format!("claims data-pg-5 {stay}")]);
        assert_eq!(deleted(0, "Retain", &json!({})), [format!("claims data-pg-* {stay}")]);
    }

    #[test]
    fn says_that_claims_go_where_the_set_says_so() {
        assert!(deleted(3, "Delete", &json!({}))[0].contains("are deleted too"));
    }

    #[test]
    fn says_nothing_when_the_pods_are_orphaned_and_go_on_using_them() {
        assert!(deleted(3, "Retain", &json!({"propagationPolicy": "Orphan"})).is_empty());
    }
}
