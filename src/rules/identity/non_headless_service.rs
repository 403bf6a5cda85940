use super::governing::governing;
use crate::facts::{Address, Lookup, ServiceFacts};
use crate::kubernetes::StatefulSet;
use crate::pointer::Pointer;
use crate::rule::{
    Action, Applicability, Context, Findings, Fix, Occasion, Parameter, Policy, Profile, Rule, Update, Values,
    Workload, rule,
};

rule! {
    /// StatefulSets whose governing Service is not headless.
    ///
    /// ## What it does
    /// Finds StatefulSets whose `serviceName` names a Service with a virtual IP (ClusterIP, NodePort, LoadBalancer) or an
    /// ExternalName. A Service without a selector is written by other software and only warned about.
    ///
    /// ## Why it matters
    /// Peers of a database find each other through the governing Service. With `clusterIP: None` its name answers with the
    /// pods' own addresses; otherwise it answers with one virtual IP, and what was meant for one peer is load-balanced over
    /// all. CoreDNS happens to answer per-pod names all the same, the DNS specification and other servers do not, and SRV
    /// records list no peers. Behind an ExternalName pods have no names at all. `serviceName` cannot be changed later.
    ///
    /// ## Example
    /// ```yaml
    /// kind: Service
    /// metadata: {name: postgres}
    /// spec:
    ///   selector: {app: postgres}
    ///   ports: [{port: 5432}]
    /// ```
    ///
    /// ## Use instead
    /// ```yaml
    /// kind: Service
    /// metadata: {name: postgres}
    /// spec:
    ///   clusterIP: None
    ///   selector: {app: postgres}
    ///   ports: [{port: 5432}]
    /// ```
    /// Clients may keep a second Service with a virtual IP under another name.
    ///
    /// ## Fix
    /// Display-only: `clusterIP: None` in the Service. In a cluster the address of an existing Service changes to `None`
    /// only through type ExternalName and back; a second, headless Service is simpler.
    ///
    /// ## Exemptions
    /// `stsguard.dev/exempt-non-headless-service` on the StatefulSet. The parameter `singleReplica: warn` only warns where
    /// there is one replica.
    ///
    /// ## References
    /// - Kubernetes documentation, "StatefulSet", section "Limitations": a headless Service is required.
    /// - Kubernetes DNS specification, section 2.4, "Records for a Headless Service".
    /// - What CoreDNS answers behind each kind of Service: docs/engines.md.
    pub NonHeadlessService {
        code: "STS101", name: "non-headless-service", since: "0.1",
        hooks: [StatefulSet, StatefulSetUpdate],
        default: [Deny, Deny, Deny], parameters: [SINGLE_REPLICA]
    }
}

/// What to do about one replica behind a Service that is not headless; the profile decides where nothing is written.
const SINGLE_REPLICA: Parameter = Parameter {
    code: "STS101",
    name: "singleReplica",
    values: Values::Words { words: &["deny", "warn"], default: None },
};

/// The most that is done about a set of one replica, where the policy says so.
pub(super) fn single_replica(policy: &Policy) -> Option<Action> {
    policy.word(&SINGLE_REPLICA).map(|word| if word == "warn" { Action::Warn } else { Action::Deny })
}

impl Rule for NonHeadlessService {
    fn stateful_set(&self, set: &Workload<'_, StatefulSet>, cx: &Context<'_>, found: &mut Findings<'_, '_>) {
        // An update cannot change serviceName, so what stands is not news: `stateful_set_update` speaks of what is.
        if cx.occasion != Occasion::Update {
            judge(set, cx, found, Action::Deny);
        }
    }

    fn stateful_set_update(&self, change: &Update<'_, '_>, cx: &Context<'_>, found: &mut Findings<'_, '_>) {
        let Update { old, new, .. } = *change;
        let first_peer = old.replicas() == 1 && new.replicas() > 1;
        if first_peer || old.service_name() != new.service_name() {
            judge(new, cx, found, Action::Warn);
        }
    }
}

fn judge(set: &Workload<'_, StatefulSet>, cx: &Context<'_>, found: &mut Findings<'_, '_>, cap: Action) {
    let Some(name) = governing(set, cx) else { return };
    let Lookup::Found(service) = cx.get::<ServiceFacts>(name) else { return };
    if service.address == Address::Headless {
        return;
    }
    found
        .object(Pointer::new("/spec/serviceName"))
        .say(format!("serviceName {name:?} is {}: {}", service.address.describe(), consequence(&service)))
        .help(format!(
            "name a second, headless Service (clusterIP: None, the same selector) in serviceName and keep {name:?} for \
             clients"
        ))
        .fix(Fix {
            applicability: Applicability::DisplayOnly,
            title: format!("make the Service {name:?} headless"),
            yaml: "clusterIP: None".to_owned(),
            operations: Vec::new(),
            rests_on: Vec::new(),
        })
        .at_most(cap)
        .at_most(tolerance(set, cx, &service));
}

fn consequence(service: &ServiceFacts) -> &'static str {
    if service.address == Address::ExternalName {
        "its name leads elsewhere, not to the pods"
    } else {
        "its name is one virtual IP, not the pods"
    }
}

fn tolerance(set: &Workload<'_, StatefulSet>, cx: &Context<'_>, service: &ServiceFacts) -> Action {
    if service.selector.is_empty() && service.address != Address::ExternalName {
        // Software such as Patroni writes such a Service's endpoints and points it at its leader.
        return Action::Warn;
    }
    if set.replicas() > 1 {
        return Action::Deny;
    }
    match single_replica(&cx.policy) {
        Some(action) => action,
        None if cx.policy.profile == Profile::Baseline && set.main().is_none() => Action::Warn,
        None => Action::Deny,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluation::{Change, Subject};
    use crate::facts::InMemory;
    use crate::rule::{Finding, Written};
    use crate::rules::{self, harness};
    use serde_json::json;

    fn recommended() -> Policy {
        rules::policy(Profile::Recommended)
    }

    fn behind(address: Address, selector: &[(&str, &str)], replicas: i32, policy: &Policy) -> Vec<Finding> {
        let selector: crate::kubernetes::Labels =
            selector.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let service = ServiceFacts { address, selector: (&selector).into(), publishes_not_ready: false };
        let facts = InMemory::default().with(harness::NAMESPACE, "db", service);
        let set: StatefulSet = harness::read(&json!({"spec": {"serviceName": "db", "replicas": replicas}}));
        harness::findings_under(policy, "STS101", &Subject::StatefulSet(&set, Change::State), Occasion::Create, &facts)
    }

    #[test]
    fn denies_every_address_that_is_not_headless() {
        for address in [Address::ClusterIp, Address::NodePort, Address::LoadBalancer, Address::ExternalName] {
            let found = behind(address, &[("app", "db")], 3, &recommended());
            assert_eq!(found[0].action, Action::Deny, "{address:?}");
        }
        assert!(behind(Address::Headless, &[("app", "db")], 3, &recommended()).is_empty());
    }

    #[test]
    fn only_warns_where_other_software_writes_the_endpoints() {
        assert_eq!(behind(Address::ClusterIp, &[], 3, &recommended())[0].action, Action::Warn);
        assert_eq!(behind(Address::ExternalName, &[], 3, &recommended())[0].action, Action::Deny);
    }

    #[test]
    fn tolerates_one_replica_where_the_policy_says_so() {
        let mut policy = recommended();
        assert_eq!(behind(Address::ClusterIp, &[("app", "db")], 1, &policy)[0].action, Action::Deny);
        policy.set_parameter(&SINGLE_REPLICA, Written::Word("warn"));
        assert_eq!(behind(Address::ClusterIp, &[("app", "db")], 1, &policy)[0].action, Action::Warn);
        assert_eq!(
            behind(Address::ClusterIp, &[("app", "db")], 1, &rules::policy(Profile::Baseline))[0].action,
            Action::Warn
        );
    }

    #[test]
    fn says_nothing_of_a_service_that_is_absent_or_unknown() {
        assert!(harness::create("STS101", &json!({"spec": {"serviceName": "db"}})).is_empty());
    }
}
