use super::missing_disruption_budget::labels;
use crate::kubernetes::{LabelSelector, PodAntiAffinity, PodSpec, RunsPods, StatefulSet};
use crate::pointer::Pointer;
use crate::rule::{Context, Findings, Rule, Workload, rule};

rule! {
    /// Replicas that may all stand on one node.
    ///
    /// ## What it does
    /// Finds StatefulSets of two and more replicas whose pods have neither an anti-affinity nor a topology spread constraint
    /// for each other; preferred ones count as well, and so do ports of the node, which only one pod can have.
    ///
    /// ## Why it matters
    /// Replicas are there to outlive a node. The scheduler spreads the pods of a set as far as nothing else weighs more;
    /// on a full or a small cluster it puts them side by side, and one node that fails, or is drained, takes them all.
    ///
    /// ## Example
    /// ```yaml
    /// spec:
    ///   replicas: 3
    ///   template:
    ///     spec: {containers: [{name: postgres, image: "postgres:16"}]}
    /// ```
    ///
    /// ## Use instead
    /// ```yaml
    /// spec:
    ///   replicas: 3
    ///   template:
    ///     spec:
    ///       topologySpreadConstraints:
    ///         - maxSkew: 1
    ///           topologyKey: kubernetes.io/hostname
    ///           whenUnsatisfiable: ScheduleAnyway   # DoNotSchedule: rather no pod than two on one node
    ///           labelSelector: {matchLabels: {app: postgres}}
    /// ```
    ///
    /// ## Fix
    /// None: how strict it may be depends on the cluster's nodes.
    ///
    /// ## Exemptions
    /// `stsguard.dev/exempt-co-located-replicas` on the StatefulSet, for example where the scheduler's default constraints
    /// are strict.
    ///
    /// ## References
    /// - Kubernetes documentation, "Pod Topology Spread Constraints", section "Cluster-level default constraints".
    pub CoLocatedReplicas {
        code: "STS502", name: "co-located-replicas", since: "0.1",
        hooks: [StatefulSet],
        default: [Off, Audit, Warn]
    }
}

impl Rule for CoLocatedReplicas {
    fn stateful_set(&self, set: &Workload<'_, StatefulSet>, cx: &Context<'_>, found: &mut Findings<'_, '_>) {
        let replicas = set.replicas();
        let own = &set.template().metadata.labels;
        if replicas < 2 || needs_a_node_for_itself(set.pod()) {
            return;
        }
        let mut any = false;
        let spreads = selectors(set.pod()).any(|selector| {
            any = true;
            selector.selects_pods(own) != Some(false)
        });
        if spreads {
            return;
        }
        let restarts = if cx.occasion.is_new() { "" } else { " (that restarts the pods)" };
        found
            .object(Pointer::new(StatefulSet::POD))
            .say(if any {
                format!("nothing keeps these {replicas} replicas off one node: what spreads pods here is for others")
            } else {
                format!("nothing keeps these {replicas} replicas off one node: no anti-affinity, no topology spread")
            })
            .help(format!(
                "add to the pods' spec{restarts}: topologySpreadConstraints: [{{maxSkew: 1, topologyKey: \
                 kubernetes.io/hostname, whenUnsatisfiable: ScheduleAnyway, labelSelector: {{matchLabels: {}}}}}]",
                labels(set)
            ));
    }
}

/// What pods are kept apart from, whichever way.
fn selectors(pod: &PodSpec) -> impl Iterator<Item = &LabelSelector> {
    let anti = pod.affinity.as_ref().and_then(|affinity| affinity.pod_anti_affinity.as_ref());
    let spread = pod.topology_spread_constraints.iter().filter_map(|constraint| constraint.label_selector.as_ref());
    anti.into_iter().flat_map(PodAntiAffinity::selectors).chain(spread)
}

/// Whether the pods use ports of their node, which two of them cannot share.
fn needs_a_node_for_itself(pod: &PodSpec) -> bool {
    let mut ports = pod.all_containers().flat_map(|(_, container)| &container.ports);
    ports.any(|port| pod.host_network || port.host_port != 0)
}

#[cfg(test)]
mod tests {
    use crate::rules::harness;
    use serde_json::{Value, json};

    fn messages(replicas: i32, pod: &Value) -> Vec<String> {
        let mut pod = pod.clone();
        if pod["containers"].is_null() {
            pod["containers"] = json!([{"name": "db", "image": "postgres:16"}]);
        }
        let template = json!({"metadata": {"labels": {"app": "db"}}, "spec": pod});
        harness::create("STS502", &json!({"spec": {"replicas": replicas, "template": template}}))
    }

    fn selecting(app: &str) -> Value {
        json!({"matchLabels": {"app": app}})
    }

    fn required(selector: &Value) -> Value {
        let term = json!({"topologyKey": "kubernetes.io/hostname", "labelSelector": selector});
        json!({"affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}})
    }

    fn preferred(selector: &Value) -> Value {
        let term = json!({"weight": 1, "podAffinityTerm": {"labelSelector": selector}});
        json!({"affinity": {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [term]}}})
    }

    fn spread(selector: &Value) -> Value {
        json!({"topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": "zone", "labelSelector": selector}]})
    }

    #[test]
    fn finds_replicas_that_nothing_keeps_apart() {
        let none = ["nothing keeps these 2 replicas off one node: no anti-affinity, no topology spread"];
        let near = json!({"affinity": {"nodeAffinity": {}, "podAffinity": {}}});
        for pod in [json!({}), json!({"affinity": {"podAntiAffinity": {}}}), near] {
            assert_eq!(messages(2, &pod), none, "{pod}");
        }
        assert_eq!(messages(2, &spread(&json!(null))), none, "without a selector no pods are counted");
    }

    #[test]
    fn accepts_each_way_to_keep_them_apart() {
        let open = json!({"matchExpressions": [{"key": "controller-revision-hash", "operator": "Exists"}]});
        for way in [required, preferred, spread] {
            for selector in [selecting("db"), json!({}), open.clone()] {
                assert!(messages(3, &way(&selector)).is_empty(), "{selector}");
            }
        }
    }

    #[test]
    fn is_not_content_with_what_keeps_others_away() {
        for way in [required, preferred, spread] {
            assert!(messages(3, &way(&selecting("web")))[0].ends_with("is for others"));
        }
    }

    #[test]
    fn accepts_lone_pods_and_pods_that_need_a_node_for_themselves() {
        assert!(messages(1, &json!({})).is_empty() && messages(0, &json!({})).is_empty());
        let port = |port: &Value| json!([{"name": "db", "image": "postgres:16", "ports": [port]}]);
        let (host, own) = (port(&json!({"containerPort": 1, "hostPort": 1})), port(&json!({"containerPort": 1})));
        assert!(messages(2, &json!({"containers": host})).is_empty());
        assert!(messages(2, &json!({"containers": own, "hostNetwork": true})).is_empty());
        assert_eq!(messages(2, &json!({"containers": own})).len(), 1);
        assert_eq!(messages(2, &json!({"hostNetwork": true})).len(), 1);
    }
}
