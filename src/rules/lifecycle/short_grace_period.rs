use serde_json::{Value, json};

use crate::engines::Degree;
use crate::evaluation::{Applicability, Context, Findings, Fix, Occasion, Operation, Workload};
use crate::kubernetes::{ObjectMeta, Pointer, RunsPods, StatefulSet};
use crate::policy::Action;
use crate::rules::{Rule, rule};

rule! {
    /// Databases that get too little time to stop.
    ///
    /// ## What it does
    /// Finds StatefulSets that hold data and whose `terminationGracePeriodSeconds` is below the engine's floor: 60 s for
    /// most, 120 s for Cassandra, Elasticsearch, RabbitMQ and others, 300 s for CockroachDB and Neo4j. Unknown servers with
    /// claims are measured by the parameter `defaultGraceSeconds` (60) and only audited.
    ///
    /// ## Why it matters
    /// When the period ends, the server gets SIGKILL in the middle of its shutdown. That does not corrupt it, but the next
    /// start begins with crash recovery, which can take much longer than the shutdown would have. The period is an upper
    /// bound, not a delay: a server that stops sooner is gone sooner. It does lengthen drains of nodes whose servers hang,
    /// and a new value helps from the next restart on.
    ///
    /// ## Example
    /// ```yaml
    /// spec:
    ///   containers: [{name: postgres, image: "postgres:16"}]   # no grace period: 30 seconds
    /// ```
    ///
    /// ## Use instead
    /// ```yaml
    /// spec:
    ///   terminationGracePeriodSeconds: 60
    /// ```
    ///
    /// ## Fix
    /// Safe on CREATE, only when nobody wrote the value: it is exactly 30, and neither the applied configuration nor an
    /// Apply entry of managedFields names it. A 30 that somebody wrote is theirs.
    ///
    /// ## Exemptions
    /// `stsguard.dev/exempt-short-grace-period` on the StatefulSet.
    ///
    /// ## References
    /// - docker-library/postgres, Dockerfile, comment on STOPSIGNAL; cockroachdb/helm-charts#378.
    pub ShortGracePeriod {
        code: "STS301", name: "short-grace-period", since: "0.1",
        default: [Audit, Warn + fix, Warn + fix]
    }
}

/// What the API server sets when nothing is written.
const DEFAULT: i64 = 30;
const FIELD: &str = "terminationGracePeriodSeconds";

impl Rule for ShortGracePeriod {
    fn stateful_set(&self, set: &Workload<'_, StatefulSet>, cx: &Context<'_>, found: &mut Findings<'_, '_>) {
        let Some(floor) = floor(set, cx) else { return };
        // The API server treats a negative value as 1; 0 is the business of STS302.
        let grace = set.pod().grace_period();
        if grace == 0 || grace.max(1) >= floor || !set.holds_data() {
            return;
        }
        let said = match set.main() {
            Some(server) => format!(
                "{} gets {grace} s to stop; cut off by SIGKILL, it recovers from a crash at the next start",
                server.engine.title
            ),
            None => format!("this set holds data and gets {grace} s to stop before SIGKILL"),
        };
        let finding = found
            .at(Pointer::new(StatefulSet::POD).field(FIELD))
            .say(said)
            .help(format!("set {FIELD}: {floor}; a server that stops sooner is gone sooner"));
        if set.main().is_none() {
            finding.at_most(Action::Audit);
        }
        let unwritten = grace == DEFAULT && !is_written(set.metadata(), set, cx.occasion);
        if unwritten && matches!(cx.occasion, Occasion::Create | Occasion::Check) {
            finding.fix(raise(floor, format!("grace period raised to {floor}")));
        }
    }

    fn keep_fix(&self, old: &Workload<'_, StatefulSet>, new: &Workload<'_, StatefulSet>) -> Option<Fix> {
        let kept = old.pod().grace_period();
        let server = |set: &Workload<'_, StatefulSet>| {
            set.main().map(|server| (server.container.name.clone(), server.engine.id, server.degree))
        };
        let brought_back = new.pod().grace_period() == DEFAULT
            && kept != DEFAULT
            && !is_written(new.metadata(), new, Occasion::Update);
        (brought_back && server(old) == server(new)).then(|| raise(kept, format!("grace period kept at {kept}")))
    }
}

fn floor(set: &Workload<'_, StatefulSet>, cx: &Context<'_>) -> Option<i64> {
    if set.servers.is_empty() {
        return Some(cx.policy.parameters.default_grace_seconds);
    }
    let general = cx.policy.parameters.default_grace_seconds;
    let floors = set.servers.iter().filter_map(|server| {
        // Somebody's own image of that name may stop faster than the engine's: it is measured like an unknown one.
        let floor = server.engine.grace_floor?;
        Some(if server.degree == Degree::Official { floor } else { floor.min(general) })
    });
    floors.max()
}

fn raise(seconds: i64, title: String) -> Fix {
    let path = Pointer::new(StatefulSet::POD).field(FIELD);
    Fix {
        applicability: Applicability::Safe,
        title,
        yaml: format!("{FIELD}: {seconds}"),
        operations: vec![Operation::Add { path, value: json!(seconds) }],
    }
}

/// Whether somebody wrote the field, as far as it can be seen.
///
/// Admission sees the default filled in, and managedFields of plain creates list defaulted fields too; only an Apply
/// entry and the last applied configuration list what was written.
fn is_written(metadata: &ObjectMeta, set: &StatefulSet, occasion: Occasion) -> bool {
    if occasion == Occasion::Check {
        return set.pod().termination_grace_period_seconds.is_some();
    }
    let applied = metadata.annotations.get("kubectl.kubernetes.io/last-applied-configuration");
    let in_applied = applied.is_some_and(|text| {
        // Text that cannot be read may hold the field.
        serde_json::from_str::<Value>(text)
            .map_or(true, |value| value.pointer(StatefulSet::POD).is_some_and(|pod| pod.get(FIELD).is_some()))
    });
    in_applied
        || metadata.managed_fields.as_ref().is_some_and(|raw| {
            let entries: Vec<Value> = serde_json::from_str(raw.get()).unwrap_or_default();
            let own = "/fieldsV1/f:spec/f:template/f:spec/f:terminationGracePeriodSeconds";
            entries.iter().any(|entry| entry["operation"] == "Apply" && entry.pointer(own).is_some())
        })
}

#[cfg(test)]
#[path = "short_grace_period_tests.rs"]
mod tests;
