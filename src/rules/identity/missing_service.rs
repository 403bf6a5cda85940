use crate::evaluation::{Context, Findings, Lookup, Occasion, Workload};
use crate::kubernetes::{Pointer, RunsPods, StatefulSet};
use crate::policy::Action;
use crate::rules::{Rule, rule};

rule! {
    /// StatefulSets whose governing Service does not exist.
    ///
    /// ## What it does
    /// Finds StatefulSets whose `serviceName` names no Service of the same namespace; in `check`, none among the files.
    /// One replica of an unknown server is only audited.
    ///
    /// ## Why it matters
    /// Kubernetes accepts any name. Without the Service the pods run, but they have no stable names, and peers that look
    /// for each other never meet. It is never denied: installers promise no order, the Service may come a moment later.
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
        default: [Audit, Warn, Warn]
    }
}

impl Rule for MissingService {
    fn stateful_set(&self, set: &Workload<'_, StatefulSet>, cx: &Context<'_>, found: &mut Findings<'_, '_>) {
        let Some(name) = set.service_name() else { return };
        if cx.occasion == Occasion::Update || cx.service(name) != Lookup::Absent {
            return;
        }
        let finding = found.at(Pointer::new("/spec/serviceName"));
        if cx.occasion == Occasion::Check {
            finding.say(format!("the Service {name:?} that serviceName names is not among the files checked"));
        } else {
            finding.say(format!("serviceName names the Service {name:?}, which does not exist (yet)"));
        }
        finding
            .help(format!("create a headless Service {name:?} (clusterIP: None) that selects the pods"))
            .at_most(if set.replicas() > 1 || set.main().is_some() { Action::Warn } else { Action::Audit });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluation::{Answer, Subject};
    use crate::rules::trial::{self, Known};
    use serde_json::json;

    fn absent(spec: &serde_json::Value, occasion: Occasion) -> Vec<crate::evaluation::Finding> {
        let facts = Known([(trial::service("db"), Answer::Service(Lookup::Absent))].into());
        let set: StatefulSet = trial::read(&json!({ "spec": spec }));
        trial::findings("STS102", &Subject::StatefulSet(&set), occasion, &facts)
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
