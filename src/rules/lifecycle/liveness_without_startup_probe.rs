use crate::engines::Start;
use crate::kubernetes::{Probe, RunsPods, StatefulSet};
use crate::rule::{Context, Findings, Rule, Workload, rule};

rule! {
    /// Servers that may be killed while they recover from a crash.
    ///
    /// ## What it does
    /// Finds known servers with a livenessProbe and no startupProbe, where the livenessProbe gives up less than 60 seconds
    /// after the container's start: `initialDelaySeconds + periodSeconds × failureThreshold`, 0 + 10 × 3 where nothing is
    /// written. A probe that only looks for the process, by `pgrep` or `pidof`, succeeds during recovery too and is fine.
    ///
    /// ## Why it matters
    /// After a crash a server first replays its log, and many answer no probe until that is done. A livenessProbe that
    /// gives up earlier has it killed, and the next start begins the recovery again: the more there is to replay, the
    /// surer the server never comes up. A startupProbe holds the livenessProbe back until the server has answered once.
    ///
    /// ## Example
    /// ```yaml
    /// containers:
    ///   - name: postgres
    ///     image: postgres:16
    ///     livenessProbe:   # gives up after 30 seconds
    ///       exec: {command: [pg_isready, -U, postgres]}
    /// ```
    ///
    /// ## Use instead
    /// ```yaml
    /// containers:
    ///   - name: postgres
    ///     image: postgres:16
    ///     livenessProbe:
    ///       exec: {command: [pg_isready, -U, postgres]}
    ///     startupProbe:    # up to ten minutes for recovery
    ///       exec: {command: [pg_isready, -U, postgres]}
    ///       periodSeconds: 10
    ///       failureThreshold: 60
    /// ```
    ///
    /// ## Fix
    /// None: how long a recovery may take depends on the data.
    ///
    /// ## Exemptions
    /// `stsguard.dev/exempt-liveness-without-startup-probe` on the StatefulSet, for example where the livenessProbe only
    /// asks whether the port is open, and the server opens it before it recovers.
    ///
    /// ## References
    /// - Kubernetes documentation, "Configure Liveness, Readiness and Startup Probes", section "Protect slow starting
    ///   containers with startup probes".
    pub LivenessWithoutStartupProbe {
        code: "STS305", name: "liveness-without-startup-probe", since: "0.1",
        hooks: [StatefulSet],
        default: [Audit, Audit, Warn]
    }
}

/// Seconds that a recovery from a crash should have at least.
const RECOVERY: i64 = 60;

impl Rule for LivenessWithoutStartupProbe {
    fn stateful_set(&self, set: &Workload<'_, StatefulSet>, _: &Context<'_>, found: &mut Findings<'_, '_>) {
        // A script of unknown content may serve, or may not.
        for server in set.servers.iter().filter(|server| server.start != Start::UnknownScript) {
            let Some(liveness) = &server.container.liveness_probe else { continue };
            let patience = liveness.patience();
            if server.container.startup_probe.is_some() || patience >= RECOVERY || asks_for_the_process(liveness) {
                continue;
            }
            found
                .server(server, server.slot.pointer(StatefulSet::POD).field("livenessProbe"))
                .say(format!(
                    "livenessProbe may kill {} in crash recovery, {patience} s after its start: there is no startupProbe",
                    server.engine.title
                ))
                .help(
                    "add a startupProbe that asks the same, with time for crash recovery, for example periodSeconds: 10 and \
                     failureThreshold: 60",
                );
        }
    }
}

/// Whether a process that runs is all that the probe wants.
fn asks_for_the_process(probe: &Probe) -> bool {
    let program = probe.exec.as_ref().and_then(|exec| exec.command.first()?.rsplit('/').next());
    matches!(program, Some("pgrep" | "pidof"))
}

#[cfg(test)]
mod tests {
    use crate::rules::harness;
    use serde_json::{Value, json};

    fn messages(container: &Value) -> Vec<String> {
        let pod = json!({"containers": [container]});
        harness::create("STS305", &json!({"spec": {"template": {"spec": pod}}}))
    }

    fn probed(liveness: &Value) -> Vec<String> {
        messages(&json!({"name": "db", "image": "postgres:16", "livenessProbe": liveness}))
    }

    #[test]
    fn counts_as_kubernetes_does_where_nothing_is_written() {
        assert!(probed(&json!({}))[0].contains("recovery, 30 s after"));
        assert!(probed(&json!({"periodSeconds": 0, "failureThreshold": 0}))[0].contains("recovery, 30 s after"));
        assert!(probed(&json!({"initialDelaySeconds": 29, "periodSeconds": null}))[0].contains("recovery, 59 s after"));
    }

    #[test]
    fn accepts_a_minute_and_more() {
        for liveness in [
            json!({"initialDelaySeconds": 30}),
            json!({"periodSeconds": 20}),
            json!({"failureThreshold": 6}),
            json!({"periodSeconds": i32::MAX, "failureThreshold": i32::MAX}),
        ] {
            assert!(probed(&liveness).is_empty(), "{liveness}");
        }
    }

    #[test]
    fn accepts_a_startup_probe_and_no_liveness_probe() {
        let held = json!({"name": "db", "image": "postgres:16", "livenessProbe": {}, "startupProbe": {}});
        assert!(messages(&held).is_empty());
        assert!(probed(&json!(null)).is_empty());
    }

    #[test]
    fn accepts_a_probe_that_looks_for_the_process() {
        assert!(probed(&json!({"exec": {"command": ["/usr/bin/pgrep", "-f", "postgres"]}})).is_empty());
        assert_eq!(probed(&json!({"exec": {"command": ["pg_isready"]}})).len(), 1);
    }

    #[test]
    fn looks_at_each_server_and_at_nothing_else() {
        let pod = json!({"containers": [
            {"name": "db", "image": "postgres:16", "livenessProbe": {}},
            {"name": "cache", "image": "redis:7", "livenessProbe": {}},
            {"name": "web", "image": "acme/ledger:1", "livenessProbe": {}},
            {"name": "metrics", "image": "prometheuscommunity/postgres-exporter:v0.15.0", "livenessProbe": {}},
            {"name": "script", "image": "postgres:16", "command": ["/scripts/run.sh"], "livenessProbe": {}},
        ]});
        let found = harness::create("STS305", &json!({"spec": {"template": {"spec": pod}}}));
        assert_eq!(found.len(), 2, "{found:?}");
    }
}
