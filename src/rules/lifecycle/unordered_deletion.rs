use crate::kubernetes::{DeleteOptions, StatefulSet};
use crate::pointer::Pointer;
use crate::rule::{Context, Findings, Rule, Workload, rule};

rule! {
    /// StatefulSets deleted while their pods run.
    ///
    /// ## What it does
    /// Finds deletions of a StatefulSet with replicas, unless the pods are orphaned on purpose.
    ///
    /// ## Why it matters
    /// Deleting a set gives no guarantee about its pods: they stop in no order and at the same time, unlike a scale to
    /// zero, which stops them one by one from the last to the first. A primary may go before its replicas have caught up.
    ///
    /// ## Example
    /// `kubectl delete statefulset postgres` with three replicas.
    ///
    /// ## Use instead
    /// ```sh
    /// kubectl scale statefulset postgres --replicas=0
    /// kubectl wait --for=delete pod -l app=postgres --timeout=10m
    /// kubectl delete statefulset postgres
    /// ```
    ///
    /// ## Fix
    /// None.
    ///
    /// ## Exemptions
    /// `stsguard.dev/exempt-unordered-deletion` on the StatefulSet.
    ///
    /// ## References
    /// - Kubernetes documentation, "StatefulSet", section "Limitations".
    pub UnorderedDeletion {
        code: "STS307", name: "unordered-deletion", since: "0.1",
        hooks: [StatefulSetDelete],
        default: [Audit, Warn, Deny]
    }
}

impl Rule for UnorderedDeletion {
    fn stateful_set_delete(
        &self,
        set: &Workload<'_, StatefulSet>,
        options: &DeleteOptions,
        _: &Context<'_>,
        found: &mut Findings<'_, '_>,
    ) {
        let replicas = set.replicas();
        if replicas > 0 && !options.orphans() {
            found
                .object(Pointer::new("/spec/replicas"))
                .say(format!("deleted with {replicas} replicas: the pods stop in no order, all at once"))
                .help("scale to 0 and wait for the pods first, then delete");
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::rules::harness;
    use serde_json::json;

    fn deleted(replicas: i32, options: &serde_json::Value) -> usize {
        harness::delete("STS307", &json!({"spec": {"replicas": replicas}}), options).len()
    }

    #[test]
    fn finds_a_deletion_with_replicas() {
        assert_eq!(deleted(3, &json!({"propagationPolicy": "Background"})), 1);
    }

    #[test]
    fn accepts_zero_replicas_and_orphans() {
        assert_eq!(deleted(0, &json!({})), 0);
        assert_eq!(deleted(3, &json!({"propagationPolicy": "Orphan"})), 0);
        assert_eq!(deleted(3, &json!({"orphanDependents": true})), 0);
    }
}
