use crate::engines::{Degree, Server, Start};
use crate::kubernetes::StatefulSet;
use crate::pointer::Pointer;
use crate::rule::{Action, Context, Findings, Rule, Workload, rule};

rule! {
    /// Databases whose claims go with their pods.
    ///
    /// ## What it does
    /// Finds known servers that mount a claim template, in sets whose `persistentVolumeClaimRetentionPolicy` is `Delete`:
    /// when the set is deleted, or when it is scaled down.
    ///
    /// ## Why it matters
    /// With `whenDeleted: Delete` a `kubectl delete statefulset` takes the data along, be it meant for the next minute's
    /// re-creation or a slip. With `whenScaled: Delete` so does every scale-down, an autoscaler's and a mistaken one too.
    /// Where the StorageClass has the reclaim policy `Delete`, as most have, the disks are gone with the claims.
    ///
    /// ## Example
    /// ```yaml
    /// persistentVolumeClaimRetentionPolicy: {whenDeleted: Delete, whenScaled: Delete}
    /// ```
    ///
    /// ## Use instead
    /// ```yaml
    /// persistentVolumeClaimRetentionPolicy: {whenDeleted: Retain, whenScaled: Retain}
    /// ```
    /// That is the default. Delete claims by hand, once their data is safe elsewhere.
    ///
    /// ## Fix
    /// None: it may be meant.
    ///
    /// ## Exemptions
    /// `stsguard.dev/exempt-claims-deleted` on the StatefulSet, for example where the data can be made again.
    ///
    /// ## References
    /// - KEP-1847: auto-deletion of claims made by a StatefulSet.
    pub ClaimsDeleted {
        code: "STS209", name: "claims-deleted", since: "0.1",
        hooks: [StatefulSet],
        default: [Audit, Warn, Deny]
    }
}

impl Rule for ClaimsDeleted {
    fn stateful_set(&self, set: &Workload<'_, StatefulSet>, _: &Context<'_>, found: &mut Findings<'_, '_>) {
        let Some(retention) = &set.spec.persistent_volume_claim_retention_policy else { return };
        let Some(server) = set.servers.iter().find(|server| keeps_claims(set, server)) else { return };
        let title = server.engine.title;
        let deletes = |field: &Option<String>| field.as_deref() == Some("Delete");
        for (field, set_to_delete, when) in [
            ("whenDeleted", deletes(&retention.when_deleted), "deleting this set"),
            ("whenScaled", deletes(&retention.when_scaled), "each scale-down"),
        ] {
            if set_to_delete {
                let at = Pointer::new("/spec/persistentVolumeClaimRetentionPolicy").field(field);
                found
                    .part(field, at)
                    .say(format!("{field} is Delete: {when} deletes claims of {title}, and the data in them"))
                    .help(format!("set {field}: Retain, and delete claims by hand once their data is safe"))
                    .at_most(if server.degree == Degree::Official { Action::Deny } else { Action::Warn });
            }
        }
    }
}

/// Whether it is surely a server whose container mounts a claim template.
fn keeps_claims(set: &Workload<'_, StatefulSet>, server: &Server<'_>) -> bool {
    let mut mounts = server.container.volume_mounts.iter();
    server.start != Start::UnknownScript && mounts.any(|mount| set.claim_template(&mount.name).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluation::{Change, Subject};
    use crate::facts::InMemory;
    use crate::rule::{Occasion, Profile};
    use crate::rules::{self, harness};
    use serde_json::{Value, json};

    fn judged(profile: Profile, image: &str, mount: &str, retention: &Value) -> Vec<(String, Action)> {
        let container = json!({"name": "db", "image": image, "volumeMounts": [{"name": mount, "mountPath": "/data"}]});
        let set: StatefulSet = harness::read(&json!({"spec": {
            "template": {"spec": {"containers": [container]}}, "volumeClaimTemplates": [{"metadata": {"name": "data"}}],
            "persistentVolumeClaimRetentionPolicy": retention,
        }}));
        let (policy, subject) = (rules::policy(profile), Subject::StatefulSet(&set, Change::State));
        let found = harness::findings_under(&policy, "STS209", &subject, Occasion::Create, &InMemory::default());
        found.iter().map(|finding| (finding.pointer.to_string(), finding.action)).collect()
    }

    fn count(image: &str, mount: &str, retention: &Value) -> usize {
        judged(Profile::Recommended, image, mount, retention).len()
    }

    #[test]
    fn finds_each_way_in_which_claims_go() {
        assert_eq!(count("postgres:16", "data", &json!({"whenDeleted": "Delete", "whenScaled": "Delete"})), 2);
        assert_eq!(count("postgres:16", "data", &json!({"whenDeleted": "Retain", "whenScaled": "Delete"})), 1);
        assert_eq!(count("acme/postgres:16", "data", &json!({"whenDeleted": "Delete"})), 1);
    }

    #[test]
    fn accepts_claims_that_stay_and_those_of_others() {
        assert_eq!(count("postgres:16", "data", &json!({"whenDeleted": "Retain", "whenScaled": "Retain"})), 0);
        assert_eq!(count("postgres:16", "data", &json!(null)), 0);
        assert_eq!(count("acme/app:1", "data", &json!({"whenDeleted": "Delete"})), 0);
        assert_eq!(count("redis:7", "cache", &json!({"whenDeleted": "Delete"})), 0);
    }

    #[test]
    fn denies_only_what_is_surely_the_servers() {
        let strict = |image| judged(Profile::Strict, image, "data", &json!({"whenDeleted": "Delete"}))[0].1;
        assert_eq!((strict("postgres:16"), strict("acme/postgres:16")), (Action::Deny, Action::Warn));
    }
}
