use super::governing::governing;
use crate::facts::{Address, Lookup, Pairs, ServiceFacts};
use crate::kubernetes::{RunsPods, StatefulSet};
use crate::pointer::Pointer;
use crate::rule::{Action, Context, Findings, Rule, Workload, rule};

rule! {
    /// StatefulSets whose pods their governing Service does not select.
    ///
    /// ## What it does
    /// Finds StatefulSets whose headless governing Service has a selector that the pod template's labels do not fulfil.
    /// The selector must be a subset of the labels; it need not be equal. A headless Service without any selector is
    /// audited: something else must write its endpoints.
    ///
    /// ## Why it matters
    /// A pod gets its DNS name only from a Service that selects it. With a mismatch neither the Service's name nor that of
    /// any pod is found (NXDOMAIN), while everything looks as if it ran.
    ///
    /// ## Example
    /// ```yaml
    /// kind: Service
    /// spec: {clusterIP: None, selector: {app: postgresql}}   # the pods carry app: postgres
    /// ```
    ///
    /// ## Use instead
    /// A selector of labels that every pod of the set carries.
    ///
    /// ## Fix
    /// None: either side may be the wrong one.
    ///
    /// ## Exemptions
    /// `stsguard.dev/exempt-service-selector-mismatch` on the StatefulSet.
    ///
    /// ## References
    /// - Kubernetes documentation, "DNS for Services and Pods", section "Pod's hostname and subdomain fields".
    /// - What CoreDNS answers behind each kind of Service: docs/engines.md.
    pub ServiceSelectorMismatch {
        code: "STS104", name: "service-selector-mismatch", since: "0.1",
        hooks: [StatefulSet],
        default: [Audit, Warn, Deny]
    }
}

impl Rule for ServiceSelectorMismatch {
    fn stateful_set(&self, set: &Workload<'_, StatefulSet>, cx: &Context<'_>, found: &mut Findings<'_, '_>) {
        let Some(name) = governing(set, cx) else { return };
        let Lookup::Found(service) = cx.get::<ServiceFacts>(name) else { return };
        if service.address != Address::Headless {
            return;
        }
        let at = Pointer::new("/spec/serviceName");
        if service.selector.is_empty() {
            found
                .object(at)
                .say(format!("the headless Service {name:?} has no selector, so nothing publishes the pods' names"))
                .help("give it a selector of labels that the pods carry, or write its EndpointSlices yourself")
                .at_most(Action::Audit);
        } else if let Some((key, value)) = service.selector.missing_from(&Pairs::from(&set.template().metadata.labels))
        {
            found
                .object(at)
                .say(format!("the Service {name:?} selects {key}={value}, which the pods do not carry"))
                .help("make the Service's selector a subset of spec.template.metadata.labels");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::InMemory;
    use crate::kubernetes::Labels;
    use crate::rules::harness;
    use serde_json::json;

    fn selecting(selector: &[(&str, &str)]) -> Vec<String> {
        let selector: Labels = selector.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let facts =
            ServiceFacts { address: Address::Headless, selector: (&selector).into(), publishes_not_ready: false };
        let facts = InMemory::default().with(harness::NAMESPACE, "db", facts);
        let template = json!({"metadata": {"labels": {"app": "db", "tier": "data"}}});
        harness::create_with("STS104", &json!({"spec": {"serviceName": "db", "template": template}}), &facts)
    }

    #[test]
    fn finds_a_label_that_the_pods_do_not_carry() {
        assert_eq!(selecting(&[("app", "web")]).len(), 1);
        assert_eq!(selecting(&[("app", "db"), ("role", "primary")]).len(), 1);
    }

    #[test]
    fn accepts_a_subset_of_the_labels() {
        assert!(selecting(&[("app", "db")]).is_empty());
        assert!(selecting(&[("app", "db"), ("tier", "data")]).is_empty());
    }

    #[test]
    fn mentions_a_missing_selector_to_auditors_only() {
        assert!(selecting(&[])[0].contains("has no selector"));
    }
}
