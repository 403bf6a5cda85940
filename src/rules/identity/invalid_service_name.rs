use super::governing::is_impossible;
use crate::kubernetes::StatefulSet;
use crate::pointer::Pointer;
use crate::rule::{Context, Findings, Rule, Workload, rule};

rule! {
    /// StatefulSets whose `serviceName` no Service can have.
    ///
    /// ## What it does
    /// Finds a `serviceName` that is no DNS-1123 label: at most 63 lower-case letters, digits and hyphens, with a letter or
    /// digit at both ends. In files a name with a placeholder (`${NAME}`) is left alone.
    ///
    /// ## Why it matters
    /// The controller copies the name into each pod's `subdomain`, and the API server refuses such a pod: none is ever
    /// created. API servers before 1.33 accept the set itself, and only events show it; newer ones refuse a new set. The
    /// namespace is never a part of the name: the governing Service stands in the set's own.
    ///
    /// ## Example
    /// ```yaml
    /// spec:
    ///   serviceName: postgres.shop
    /// ```
    ///
    /// ## Use instead
    /// ```yaml
    /// spec:
    ///   serviceName: postgres
    /// ```
    ///
    /// ## Fix
    /// None: which Service is meant is not known.
    ///
    /// ## Exemptions
    /// `stsguard.dev/exempt-invalid-service-name` on the StatefulSet.
    ///
    /// ## References
    /// - kubernetes/kubernetes#130233: the name is validated.
    /// - kubernetes/kubernetes, pkg/apis/core/validation/validation.go: the pod's subdomain is a DNS-1123 label.
    pub InvalidServiceName {
        code: "STS109", name: "invalid-service-name", since: "0.1",
        hooks: [StatefulSet],
        default: [Warn, Warn, Deny]
    }
}

impl Rule for InvalidServiceName {
    fn stateful_set(&self, set: &Workload<'_, StatefulSet>, cx: &Context<'_>, found: &mut Findings<'_, '_>) {
        let Some(name) = set.service_name().filter(|name| is_impossible(name, cx)) else { return };
        let shown: String = name.chars().take(63).collect();
        found
            .object(Pointer::new("/spec/serviceName"))
            .say(format!("serviceName {shown:?} is no DNS label, so no pod can be created"))
            .help("name a headless Service of this namespace: lower-case letters, digits and hyphens, no dots");
    }
}

#[cfg(test)]
mod tests {
    use crate::evaluation::{Change, Subject};
    use crate::facts::{InMemory, ServiceFacts};
    use crate::kubernetes::StatefulSet;
    use crate::rule::Occasion;
    use crate::rules::harness;
    use serde_json::json;

    fn found(code: &str, name: &str, occasion: Occasion) -> usize {
        let set: StatefulSet = harness::read(&json!({"spec": {"serviceName": name, "replicas": 3}}));
        let facts = InMemory::default().knowing::<ServiceFacts>();
        harness::findings(code, &Subject::StatefulSet(&set, Change::State), occasion, &facts).len()
    }

    #[test]
    fn finds_names_that_no_service_can_have() {
        for name in ["postgres.shop", "Postgres", "postgres_headless", &"a".repeat(64), "${NAME}"] {
            assert_eq!(found("STS109", name, Occasion::Create), 1, "{name}");
        }
    }

    #[test]
    fn accepts_labels_and_no_name_at_all() {
        assert_eq!((found("STS109", "postgres", Occasion::Create), found("STS109", "", Occasion::Create)), (0, 0));
    }

    #[test]
    fn leaves_placeholders_in_files_alone() {
        assert_eq!(found("STS109", "${NAME}-headless", Occasion::Check), 0);
    }

    #[test]
    fn speaks_alone() {
        let all = |name| (found("STS109", name, Occasion::Create), found("STS102", name, Occasion::Create));
        assert_eq!((all("postgres.shop"), all("postgres")), ((1, 0), (0, 1)));
    }
}
