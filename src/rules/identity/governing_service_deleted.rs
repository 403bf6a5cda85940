use crate::facts::SetFacts;
use crate::kubernetes::Service;
use crate::pointer::Pointer;
use crate::rule::{Action, Context, Described, Findings, Owned, Rule, rule};

rule! {
    /// Deletions of a Service that still governs a running StatefulSet.
    ///
    /// ## What it does
    /// Warns when a Service is deleted that a StatefulSet with replicas names as its `serviceName`. It is never denied.
    ///
    /// ## Why it matters
    /// The pods lose their names at once and peers stop finding each other. `helm uninstall` deletes Services before
    /// StatefulSets, so this is also what a wanted removal looks like.
    ///
    /// ## Example
    /// `kubectl delete service postgres` while StatefulSet `postgres` runs.
    ///
    /// ## Use instead
    /// Delete the StatefulSet first; when the Service is to be replaced, create its successor in the same breath.
    ///
    /// ## Fix
    /// None.
    ///
    /// ## Exemptions
    /// `stsguard.dev/exempt-governing-service-deleted` on the Service.
    ///
    /// ## References
    /// - helm/helm, pkg/release/util/kind_sorter.go: the order of uninstallation.
    pub GoverningServiceDeleted {
        code: "STS106", name: "governing-service-deleted", since: "0.1",
        hooks: [ServiceDelete],
        default: [Audit, Warn, Warn]
    }
}

impl Rule for GoverningServiceDeleted {
    fn service_delete(&self, service: &Service, cx: &Context<'_>, found: &mut Findings<'_, '_>) {
        let Some(name) = service.metadata.name.as_deref() else { return };
        let hurt = |set: &SetFacts| {
            set.is_governed_by(name) && set.replicas > 0 && !set.deleting && !set.is_exempt_from(self.info().name)
        };
        for set in cx.list::<SetFacts>(hurt).items {
            found
                .part(&set.name, Pointer::new("/metadata/name"))
                .say(format!(
                    "Service {name:?} gives the pods of StatefulSet {:?} their names, which end now",
                    set.name
                ))
                .help("re-create it as a headless Service under the same name if the set is to go on")
                .at_most(if set.owned && cx.policy.owned_by_controllers == Owned::Audit {
                    Action::Audit
                } else {
                    Action::Warn
                });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluation::{Change, Subject};
    use crate::facts::InMemory;
    use crate::kubernetes::{DeleteOptions, StatefulSet};
    use crate::rule::Occasion;
    use crate::rules::harness;
    use serde_json::json;

    fn deleted(replicas: i32, deleting: bool) -> usize {
        let deletion = if deleting { json!("2026-01-01T00:00:00Z") } else { json!(null) };
        let set: StatefulSet = harness::read(&json!({
            "metadata": {"name": "db", "deletionTimestamp": deletion},
            "spec": {"serviceName": "db", "replicas": replicas},
        }));
        let facts = InMemory::default().with(harness::NAMESPACE, "db", SetFacts::from(&set));
        let service: Service = harness::read(&json!({"metadata": {"name": "db"}}));
        harness::findings(
            "STS106",
            &Subject::Service(&service, Change::Delete(&DeleteOptions::default())),
            Occasion::Delete,
            &facts,
        )
        .len()
    }

    #[test]
    fn warns_while_the_set_runs() {
        assert_eq!(deleted(3, false), 1);
    }

    #[test]
    fn accepts_it_when_the_set_is_at_zero_or_going_itself() {
        assert_eq!((deleted(0, false), deleted(3, true)), (0, 0));
    }
}
