use crate::engines::{Degree, Server, Start, Upgrades};
use crate::kubernetes::{Container, PodSpec, RunsPods, StatefulSet};
use crate::rule::{Action, Context, Findings, Rule, Update, rule};
use crate::rules::storage::goes_on;

rule! {
    /// Updates to a version that does not start on the files that are there.
    ///
    /// ## What it does
    /// When an update changes the version of a server that goes on with its data, finds those of which the new one surely
    /// refuses the old one's files: any other major of PostgreSQL; MySQL, Percona Server, Elasticsearch and OpenSearch when
    /// a version is skipped or they go back; MongoDB when a version is skipped either way. What other engines do is not
    /// known, and pods that speak of an upgrade in an image, a command or an argument are left alone.
    ///
    /// ## Why it matters
    /// The first pod of the update stops at its start, again and again; with one replica that is the end of the service.
    /// Some go back only while nothing was written by the new version.
    ///
    /// ## Example
    /// ```yaml
    /// containers:
    ///   - {name: postgres, image: "postgres:17"}   # was postgres:16
    /// ```
    ///
    /// ## Use instead
    /// PostgreSQL: a second set with the new version, filled by dump and restore or by logical replication, or `pg_upgrade`
    /// while the set is scaled to 0. The others: one version at a time, each until its upgrade is done.
    ///
    /// ## Fix
    /// None: it takes a migration.
    ///
    /// ## Exemptions
    /// `stsguard.dev/exempt-major-version-jump` on the StatefulSet, in the same request or before, when the files are of the
    /// new version already: after `pg_upgrade`, and to take back a change that never started.
    ///
    /// ## References
    /// - PostgreSQL documentation, "Upgrading a PostgreSQL Cluster"; MySQL Reference Manual, "Upgrade Paths"; MongoDB Manual,
    ///   "setFeatureCompatibilityVersion"; elastic/elasticsearch and opensearch-project/OpenSearch, NodeMetadata.java.
    pub MajorVersionJump {
        code: "STS404", name: "major-version-jump", since: "0.1",
        hooks: [StatefulSetUpdate],
        default: [Warn, Warn, Deny]
    }
}

impl Rule for MajorVersionJump {
    fn stateful_set_update(&self, change: &Update<'_, '_>, cx: &Context<'_>, found: &mut Findings<'_, '_>) {
        for after in &change.new.servers {
            if after.start == Start::UnknownScript || speaks_of_upgrades(change.new.pod()) {
                continue;
            }
            let Some(before) = change.before(after) else { continue };
            let Some((old, new)) = after.refuses_files_of(before).filter(|_| goes_on(change, before, after, cx)) else {
                continue;
            };
            let title = after.engine.title;
            found
                .server(after, after.slot.pointer(StatefulSet::POD).field("image"))
                .say(format!("{title} goes from {old} to {new}, and {new} does not start on files that {old} wrote"))
                .help(format!(
                    "{}; where the files are of {new} already, as after a change that never started, annotate the set",
                    way(after, old.major < new.major)
                ))
                .at_most(if before.degree == Degree::Official { Action::Deny } else { Action::Warn });
        }
    }
}

/// How one gets there.
fn way(server: &Server<'_>, is_up: bool) -> &'static str {
    match server.engine.upgrades {
        Upgrades::Never if is_up => "dump and restore into a new set, or run pg_upgrade while this one is scaled to 0",
        _ if is_up => "go one version at a time, and let each finish its upgrade",
        _ => "dump and restore into a new set, or restore a backup of that time",
    }
}

/// Whether something in the pod may upgrade the files before the server starts.
fn speaks_of_upgrades(pod: &PodSpec) -> bool {
    let speaks = |container: &Container| {
        let words = container.command.iter().chain(&container.args).chain(&container.image);
        words.into_iter().any(|word| word.to_ascii_lowercase().contains("upgrade"))
    };
    pod.all_containers().any(|(_, container)| speaks(container))
}

#[cfg(test)]
#[path = "major_version_jump_tests.rs"]
mod tests;
