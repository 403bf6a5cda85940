use crate::kubernetes::{RunsPods, StatefulSet};
use crate::pointer::Pointer;
use crate::rule::{Context, Findings, Rule, Workload, rule};

rule! {
    /// Servers that count as ready the moment their process runs.
    ///
    /// ## What it does
    /// Finds known servers without a readinessProbe, and, where several replicas start or roll in order, pods of unknown
    /// servers in which no container has one.
    ///
    /// ## Why it matters
    /// OrderedReady and rolling updates wait for readiness. Without a probe a pod is ready at once, so the next one starts
    /// or stops while this one still recovers: ordering means nothing, and an update can take all replicas down.
    ///
    /// ## Example
    /// ```yaml
    /// containers:
    ///   - {name: postgres, image: "postgres:16"}
    /// ```
    ///
    /// ## Use instead
    /// ```yaml
    /// containers:
    ///   - name: postgres
    ///     image: postgres:16
    ///     readinessProbe:
    ///       exec: {command: [pg_isready, -U, postgres]}
    ///       periodSeconds: 5
    /// ```
    ///
    /// ## Fix
    /// None: the probe depends on the server's users and ports.
    ///
    /// ## Exemptions
    /// `stsguard.dev/exempt-missing-readiness-probe` on the StatefulSet.
    ///
    /// ## References
    /// - Kubernetes documentation, "StatefulSet", section "Deployment and Scaling Guarantees".
    pub MissingReadinessProbe {
        code: "STS304", name: "missing-readiness-probe", since: "0.1",
        hooks: [StatefulSet],
        default: [Audit, Warn, Deny]
    }
}

impl Rule for MissingReadinessProbe {
    fn stateful_set(&self, set: &Workload<'_, StatefulSet>, _: &Context<'_>, found: &mut Findings<'_, '_>) {
        let pod = Pointer::new(StatefulSet::POD);
        if let Some(server) = set.main() {
            if server.container.readiness_probe.is_none() {
                found
                    .server(server, server.slot.pointer(StatefulSet::POD).field("readinessProbe"))
                    .say(format!(
                        "{} has no readinessProbe, so it counts as ready before it serves",
                        server.engine.title
                    ))
                    .help("add a readinessProbe that asks the server itself, for example pg_isready");
            }
            return;
        }
        if !set.servers.is_empty() {
            return; // A script of unknown content may serve, or may not.
        }
        let ordered = set.replicas() > 1 && (!set.is_parallel() || set.is_rolling());
        let containers = &set.pod().containers;
        if ordered && !containers.is_empty() && containers.iter().all(|c| c.readiness_probe.is_none()) {
            found
                .object(pod.field("containers").index(0).field("readinessProbe"))
                .say("no container has a readinessProbe, so ordered start and rolling updates do not wait")
                .help("add a readinessProbe to the container that serves");
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::rules::harness;
    use serde_json::json;

    fn created(image: &str, probe: bool, replicas: i32) -> usize {
        let probe = if probe { json!({"exec": {"command": ["true"]}}) } else { json!(null) };
        let pod = json!({"containers": [{"name": "db", "image": image, "readinessProbe": probe}]});
        harness::create("STS304", &json!({"spec": {"replicas": replicas, "template": {"spec": pod}}})).len()
    }

    #[test]
    fn finds_known_servers_even_alone_and_unknown_ones_in_company() {
        assert_eq!((created("postgres:16", false, 1), created("acme/ledger:1", false, 2)), (1, 1));
    }

    #[test]
    fn accepts_a_probe_and_a_lone_unknown_server() {
        assert_eq!((created("postgres:16", true, 3), created("acme/ledger:1", false, 1)), (0, 0));
    }
}
