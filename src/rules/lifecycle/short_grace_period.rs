use serde_json::json;

use crate::engines::{Degree, Server};
use crate::kubernetes::{RunsPods, StatefulSet};
use crate::pointer::Pointer;
use crate::rule::{
    Action, Applicability, Context, Findings, Fix, Occasion, Operation, Parameter, Rule, Values, Workload, rule,
};

use self::written::is_written;

mod written;

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
    /// - What real servers do when they are killed while they write: docs/engines.md.
    pub ShortGracePeriod {
        code: "STS301", name: "short-grace-period", since: "0.1",
        hooks: [StatefulSet],
        default: [Audit, Warn + fix, Warn + fix], parameters: [DEFAULT_GRACE_SECONDS]
    }
}

/// What the API server sets when nothing is written.
const DEFAULT: i64 = 30;
const FIELD: &str = "terminationGracePeriodSeconds";

/// The grace period for data-holding sets of unknown servers.
const DEFAULT_GRACE_SECONDS: Parameter =
    Parameter { code: "STS301", name: "defaultGraceSeconds", values: Values::Seconds { default: 60 } };

impl Rule for ShortGracePeriod {
    fn stateful_set(&self, set: &Workload<'_, StatefulSet>, cx: &Context<'_>, found: &mut Findings<'_, '_>) {
        let Some(floor) = floor(set, cx) else { return };
        // The API server treats a negative value as 1; 0 is the business of STS302.
        let grace = set.pod().grace_period();
        if grace == 0 || grace.max(1) >= floor || !set.holds_data() {
            return;
        }
        let given = if grace == DEFAULT { format!("{grace} s, the default,") } else { format!("{grace} s") };
        let said = match set.servers.first() {
            Some(server) => format!(
                "{} gets {given} to stop; cut off by SIGKILL, its next start is a crash recovery",
                server.engine.title
            ),
            None => format!("this set holds data and gets {given} to stop before SIGKILL"),
        };
        let finding = found
            .object(Pointer::new(StatefulSet::POD).field(FIELD))
            .say(said)
            .help(if cx.occasion.is_new() {
                format!("set {FIELD}: {floor}; a server that stops sooner is gone sooner")
            } else {
                format!("set {FIELD}: {floor}; that restarts the pods, and helps from the next restart on")
            })
            .at_most(if set.servers.is_empty() { Action::Audit } else { Action::Deny });
        if cx.occasion.is_new() && grace == DEFAULT && !is_written(set.metadata(), set, cx.occasion) {
            finding.fix(raise(floor, format!("grace period raised to {floor}")));
        }
    }

    fn keep_fixes(&self, old: &Workload<'_, StatefulSet>, new: &Workload<'_, StatefulSet>) -> Vec<Fix> {
        let kept = old.pod().grace_period();
        let brought_back = kept > DEFAULT
            && new.pod().grace_period() == DEFAULT
            && !is_written(new.metadata(), new, Occasion::Update)
            && serves_as_before(old, new);
        brought_back.then(|| raise(kept, format!("grace period kept at {kept}"))).into_iter().collect()
    }
}

/// Whether the server that needs the most time to stop, for which the period was raised, is there as it was; of an
/// unknown server nothing is known but that it still is one.
fn serves_as_before(old: &Workload<'_, StatefulSet>, new: &Workload<'_, StatefulSet>) -> bool {
    let same = |one: &Server<'_>, other: &Server<'_>| {
        one.container.name == other.container.name && one.engine.id == other.engine.id && one.degree == other.degree
    };
    match old.servers.iter().max_by_key(|server| server.engine.grace_floor) {
        Some(slowest) => new.servers.iter().any(|server| same(slowest, server)),
        None => new.servers.is_empty(),
    }
}

fn floor(set: &Workload<'_, StatefulSet>, cx: &Context<'_>) -> Option<i64> {
    if set.servers.is_empty() {
        return Some(cx.policy.seconds(&DEFAULT_GRACE_SECONDS));
    }
    let general = cx.policy.seconds(&DEFAULT_GRACE_SECONDS);
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
        rests_on: Vec::new(),
    }
}

#[cfg(test)]
#[path = "short_grace_period_tests.rs"]
mod tests;
