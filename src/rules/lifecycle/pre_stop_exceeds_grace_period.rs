use crate::kubernetes::{RunsPods, StatefulSet};
use crate::rule::{Context, Findings, Rule, Workload, rule};

mod sleeps;

rule! {
    /// Hooks that sleep until nothing is left of the time to stop.
    ///
    /// ## What it does
    /// Finds `preStop` hooks that surely wait as long as `terminationGracePeriodSeconds` or longer: by `sleep.seconds`, or
    /// by the sum of the `sleep` commands in their command. Loops, conditions and variables are not guessed at.
    ///
    /// ## Why it matters
    /// The grace period begins with the hook, and SIGTERM comes when the hook has ended. If the hook takes all of it, the
    /// server is killed two seconds after SIGTERM or without any, in the middle of its work, each time a pod stops.
    ///
    /// ## Example
    /// ```yaml
    /// spec:
    ///   terminationGracePeriodSeconds: 30
    ///   containers:
    ///     - name: postgres
    ///       lifecycle:
    ///         preStop: {exec: {command: [sh, -c, sleep 60]}}
    /// ```
    ///
    /// ## Use instead
    /// ```yaml
    /// spec:
    ///   terminationGracePeriodSeconds: 120   # the hook, and what the server needs to stop
    ///   containers:
    ///     - name: postgres
    ///       lifecycle:
    ///         preStop: {exec: {command: [sh, -c, sleep 60]}}
    /// ```
    ///
    /// ## Fix
    /// None: either of the two may be meant.
    ///
    /// ## Exemptions
    /// `stsguard.dev/exempt-pre-stop-exceeds-grace-period` on the StatefulSet.
    ///
    /// ## References
    /// - Kubernetes documentation, "Container Lifecycle Hooks", section "Hook handler execution": the countdown of the
    ///   grace period begins before the PreStop hook is executed.
    /// - Kubernetes documentation, "Pod Lifecycle", section "Pod Termination Flow": a one-off extension of 2 seconds.
    pub PreStopExceedsGracePeriod {
        code: "STS306", name: "pre-stop-exceeds-grace-period", since: "0.1",
        hooks: [StatefulSet],
        default: [Warn, Warn, Deny]
    }
}

impl Rule for PreStopExceedsGracePeriod {
    fn stateful_set(&self, set: &Workload<'_, StatefulSet>, _: &Context<'_>, found: &mut Findings<'_, '_>) {
        let grace = set.pod().grace_period();
        if grace == 0 {
            return; // No hook is waited for: the business of STS302.
        }
        // The API server treats a negative value as 1.
        let grace = grace.max(1);
        for (slot, container) in set.pod().all_containers() {
            let hook = container.lifecycle.as_ref().and_then(|lifecycle| lifecycle.pre_stop.as_ref());
            let Some(sleeps) = hook.and_then(sleeps::surely) else { continue };
            #[expect(clippy::cast_precision_loss, reason = "exact for a hundred million years")]
            if sleeps < grace as f64 {
                continue;
            }
            found
                .part(&container.name, slot.pointer(StatefulSet::POD).field("lifecycle").field("preStop"))
                .say(format!(
                    "preStop sleeps {sleeps} s of a grace period of {grace} s: no time is left to stop before SIGKILL"
                ))
                .help(
                    "set terminationGracePeriodSeconds to the hook's time and what the server needs to stop, or sleep less",
                );
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::rules::harness;
    use serde_json::{Value, json};

    fn messages(grace: &Value, hook: &Value) -> Vec<String> {
        let container = json!({"name": "db", "image": "acme/ledger:1", "lifecycle": {"preStop": hook}});
        let pod = json!({"containers": [container], "terminationGracePeriodSeconds": grace});
        harness::create("STS306", &json!({"spec": {"template": {"spec": pod}}}))
    }

    fn sleeping(seconds: i64) -> Value {
        json!({"sleep": {"seconds": seconds}})
    }

    #[test]
    fn compares_with_the_grace_period_and_its_default() {
        assert_eq!(
            messages(&json!(null), &sleeping(30)),
            ["preStop sleeps 30 s of a grace period of 30 s: no time is left to stop before SIGKILL"]
        );
        assert!(messages(&json!(null), &sleeping(29)).is_empty() && messages(&json!(60), &sleeping(59)).is_empty());
        assert_eq!(messages(&json!(60), &sleeping(60)).len(), 1);
    }

    #[test]
    fn counts_a_negative_period_as_one_and_leaves_zero_to_its_own_rule() {
        assert!(messages(&json!(-5), &sleeping(1))[0].contains("grace period of 1 s"));
        assert!(messages(&json!(0), &sleeping(5)).is_empty());
    }

    #[test]
    fn reads_commands_and_accepts_hooks_of_other_kinds() {
        assert_eq!(messages(&json!(60), &json!({"exec": {"command": ["sh", "-c", "sleep 30; sleep 30"]}})).len(), 1);
        for hook in [json!({"httpGet": {"path": "/stop", "port": 80}}), json!({"exec": {}}), json!(null), json!({})] {
            assert!(messages(&json!(1), &hook).is_empty(), "{hook}");
        }
    }

    #[test]
    fn finds_each_container_by_itself() {
        let hook = json!({"preStop": {"sleep": {"seconds": 40}}});
        let container = |name: &str| json!({"name": name, "image": "acme/x", "lifecycle": hook});
        let sidecar = json!({"name": "c", "image": "acme/x", "restartPolicy": "Always", "lifecycle": hook});
        let pod = json!({"containers": [container("a"), container("b")], "initContainers": [sidecar]});
        assert_eq!(harness::create("STS306", &json!({"spec": {"template": {"spec": pod}}})).len(), 3);
    }
}
