use std::sync::Arc;

use super::non_headless_service::{NonHeadlessService, single_replica};
use crate::facts::{Pairs, SetFacts};
use crate::kubernetes::Service;
use crate::pointer::Pointer;
use crate::rule::{Action, Context, Described, Findings, Owned, Profile, Rule, rule};

rule! {
    /// Services that take the stable identity of a StatefulSet's pods away.
    ///
    /// ## What it does
    /// Finds a Service that is created or changed so that it governs a StatefulSet without being headless, where it was
    /// headless or absent before. It warns of one that no longer selects the set's pods.
    ///
    /// ## Why it matters
    /// It is the same mistake as STS101, made from the other side and often later: the set was fine until somebody created
    /// a ClusterIP Service under the name that it had reserved.
    ///
    /// ## Example
    /// ```yaml
    /// kind: Service
    /// metadata: {name: postgres}   # StatefulSet postgres has serviceName: postgres
    /// spec:
    ///   selector: {app: postgres}
    ///   ports: [{port: 5432}]
    /// ```
    ///
    /// ## Use instead
    /// `clusterIP: None` in this Service, and a second Service with another name for clients.
    ///
    /// ## Fix
    /// None: the API server allocates the address before admission sees the Service.
    ///
    /// ## Exemptions
    /// `stsguard.dev/exempt-service-breaks-identity` on the Service, or `stsguard.dev/exempt-non-headless-service` on the
    /// StatefulSet.
    ///
    /// ## References
    /// - Kubernetes documentation, "StatefulSet", section "Limitations".
    pub ServiceBreaksIdentity {
        code: "STS105", name: "service-breaks-identity", since: "0.1",
        hooks: [Service, ServiceUpdate],
        default: [Deny, Deny, Deny]
    }
}

impl Rule for ServiceBreaksIdentity {
    fn service(&self, service: &Service, cx: &Context<'_>, found: &mut Findings<'_, '_>) {
        judge(None, service, cx, found);
    }

    fn service_update(&self, old: &Service, new: &Service, cx: &Context<'_>, found: &mut Findings<'_, '_>) {
        judge(Some(old), new, cx, found);
    }
}

fn judge(old: Option<&Service>, new: &Service, cx: &Context<'_>, found: &mut Findings<'_, '_>) {
    let headless = is_headless(old, new);
    let broken_before = old.is_some_and(|old| !old.spec.is_headless());
    let selector_changed = old.is_none_or(|old| old.spec.selector != new.spec.selector);
    if headless && (!selector_changed || new.spec.selector.is_empty()) || !headless && broken_before {
        return;
    }
    let Some(name) = new.metadata.name.as_deref() else { return };
    let exempt = |set: &SetFacts| {
        set.is_exempt_from(NonHeadlessService.info().name) || set.is_exempt_from(ServiceBreaksIdentity.info().name)
    };
    let sets = cx.list::<SetFacts>(|set| set.is_governed_by(name) && !set.deleting && !exempt(set)).items;
    if headless {
        mismatch(old, new, &sets, found);
    } else if let Some(first) = sets.first() {
        let tolerance = sets.iter().map(|set| tolerance(set, new, cx)).max().unwrap_or(Action::Deny);
        found
            .object(Pointer::new("/spec/clusterIP"))
            .say(format!("Service {name:?} governs StatefulSet {:?} and would not be headless", first.name))
            .help("set clusterIP: None, or give this Service another name: the set's pods are found through this one")
            .at_most(tolerance);
    }
}

/// A Service that is headless now; an update that leaves the address out keeps the old one.
fn is_headless(old: Option<&Service>, new: &Service) -> bool {
    let left_out = new.spec.cluster_ip.as_deref().unwrap_or_default().is_empty();
    match old {
        Some(old) if left_out && new.spec.kind() == "ClusterIP" => old.spec.is_headless(),
        _ => new.spec.is_headless(),
    }
}

fn mismatch(old: Option<&Service>, new: &Service, sets: &[Arc<SetFacts>], found: &mut Findings<'_, '_>) {
    let selector = Pairs::from(&new.spec.selector);
    let before = old.map(|old| Pairs::from(&old.spec.selector));
    for set in sets {
        let selected_before = before.as_ref().is_none_or(|before| before.missing_from(&set.pod_labels).is_none());
        if let Some((key, value)) = selector.missing_from(&set.pod_labels).filter(|_| selected_before) {
            found
                .part(&set.name, Pointer::new("/spec/selector"))
                .say(format!("{key}={value} selects no pod of StatefulSet {:?}, which this Service governs", set.name))
                .help("select labels that the set's pods carry")
                .at_most(Action::Warn);
        }
    }
}

/// As STS101 judges the set: what would pass there may not be denied here.
fn tolerance(set: &SetFacts, service: &Service, cx: &Context<'_>) -> Action {
    if set.owned && cx.policy.owned_by_controllers == Owned::Audit {
        return Action::Audit;
    }
    let written_by_software = service.spec.selector.is_empty() && service.spec.kind() != "ExternalName";
    if written_by_software || set.replicas == 0 {
        return Action::Warn;
    }
    match single_replica(&cx.policy) {
        _ if set.replicas > 1 => Action::Deny,
        Some(action) => action,
        None if cx.policy.profile == Profile::Baseline => Action::Warn,
        None => Action::Deny,
    }
}

#[cfg(test)]
#[path = "service_breaks_identity_tests.rs"]
mod tests;
