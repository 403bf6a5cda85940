use super::governing::governing;
use crate::facts::{Lookup, ServiceFacts};
use crate::kubernetes::StatefulSet;
use crate::pointer::Pointer;
use crate::rule::{Action, Context, Findings, Occasion, Rule, Workload, rule};

rule! {
    /// StatefulSets whose governing Service does not exist.
    ///
    /// ## What it does
    /// Finds StatefulSets whose `serviceName` names no Service of the same namespace; in `check`, none among the files.
    /// One replica of an unknown server is only audited.
    ///
    /// ## Why it matters
    /// Kubernetes accepts any name. Without the Service the pods run, but their names are not found (NXDOMAIN), and peers
    /// that look for each other never meet. It is never denied: installers promise no order, the Service may come a moment
    /// later.
    ///
    /// ## Example
    /// ```yaml
    /// kind: StatefulSet
    /// spec:
    ///   serviceName: postgress   # the Service is called postgres
    /// ```
    ///
    /// ## Use instead
    /// The name of a headless Service in the same namespace.
    ///
    /// ## Fix
    /// None.
    ///
    /// ## Exemptions
    /// `stsguard.dev/exempt-missing-service` on the StatefulSet; an empty `serviceName` says that no Service is wanted.
    ///
    /// ## References
    /// - kubernetes/kubernetes#69608: sets that name a Service which never exists.
    pub MissingService {
        code: "STS102", name: "missing-service", since: "0.1",
        hooks: [StatefulSet],
        default: [Audit, Warn, Warn]
    }
}

impl Rule for MissingService {
    fn stateful_set(&self, set: &Workload<'_, StatefulSet>, cx: &Context<'_>, found: &mut Findings<'_, '_>) {
        let Some(name) = governing(set, cx) else { return };
        if cx.occasion == Occasion::Update || cx.get::<ServiceFacts>(name) != Lookup::Absent {
            return;
        }
        found
            .object(Pointer::new("/spec/serviceName"))
            .say(if cx.occasion.is_in_files() {
                format!("the Service {name:?} that serviceName names is not among the files checked")
            } else {
                format!("serviceName names the Service {name:?}, which does not exist (yet)")
            })
            .help(format!("create a headless Service {name:?} (clusterIP: None) that selects the pods"))
            .at_most(if set.replicas() > 1 || set.main().is_some() { Action::Warn } else { Action::Audit });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluation::{Change, Subject};
    use crate::facts::InMemory;
    use crate::rules::harness;
    use serde_json::json;

    fn absent(spec: &serde_json::Value, occasion: Occasion) -> Vec<crate::rule::Finding> {
        let facts = InMemory::default().knowing::<ServiceFacts>();
        let set: StatefulSet = harness::read(&json!({ "spec": spec }));
        harness::findings("STS102", &Subject::StatefulSet(&set, Change::State), occasion, &facts)
    }

    #[test]
    fn warns_of_several_replicas_and_of_known_servers() {
        assert_eq!(absent(&json!({"serviceName": "db", "replicas": 2}), Occasion::Create)[0].action, Action::Warn);
        let postgres = json!({"serviceName": "db", "template": {"spec": {"containers": [{"image": "postgres:16"}]}}});
        assert_eq!(absent(&postgres, Occasion::Create)[0].action, Action::Warn);
    }

    #[test]
    fn only_audits_one_replica_of_an_unknown_server() {
        assert_eq!(absent(&json!({"serviceName": "db"}), Occasion::Create)[0].action, Action::Audit);
    }

    #[test]
    fn says_in_files_that_it_looked_among_the_files() {
        let found = absent(&json!({"serviceName": "db", "replicas": 2}), Occasion::Check);
        assert!(found[0].message.ends_with("not among the files checked"));
    }

    #[test]
    fn accepts_no_name_at_all() {
        assert!(absent(&json!({"serviceName": "", "replicas": 3}), Occasion::Create).is_empty());
    }
}
