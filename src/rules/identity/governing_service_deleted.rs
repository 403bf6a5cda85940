use crate::evaluation::{Context, Findings, Lookup};
use crate::kubernetes::{Pointer, Service};
use crate::policy::{Action, Owned};
use crate::rules::{Rule, rule};

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
        default: [Audit, Warn, Warn]
    }
}

impl Rule for GoverningServiceDeleted {
    fn service_delete(&self, service: &Service, cx: &Context<'_>, found: &mut Findings<'_, '_>) {
        let Some(name) = service.metadata.name.as_deref() else { return };
        let Lookup::Found(sets) = cx.governed_sets(name) else { return };
        for set in sets.iter().filter(|set| set.replicas > 0 && !set.deleting && !set.exempt_from_deleted) {
            found
                .at(Pointer::new("/metadata/name"))
                .about(&set.name)
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
    use crate::evaluation::{Answer, Occasion, Pairs, Question, SetFacts, Subject};
    use crate::rules::trial::{self, Known};
    use serde_json::json;
    use std::sync::Arc;

    fn deleted(replicas: i32, deleting: bool) -> usize {
        let set = SetFacts {
            name: "db".into(),
            service_name: "db".into(),
            replicas,
            pod_labels: Pairs::default(),
            owned: false,
            deleting,
            exempt_from_headless: false,
            exempt_from_deleted: false,
        };
        let question = Question::GovernedSets { namespace: "shop".into(), service: "db".into() };
        let facts = Known([(question, Answer::GovernedSets(Lookup::Found(vec![Arc::new(set)])))].into());
        let service: Service = trial::read(&json!({"metadata": {"name": "db"}}));
        trial::findings("STS106", &Subject::ServiceDelete(&service), Occasion::Delete, &facts).len()
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
