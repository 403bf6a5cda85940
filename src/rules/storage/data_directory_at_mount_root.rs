//! STS201, the rule; what its fix depends on is in [`conditions`].

mod conditions;

use serde_json::json;

use super::placement::{Fault, Misplaced, misplaced};
use crate::engines::{self, Backing, BackingSource, Server};
use crate::kubernetes::{EnvVar, RunsPods, StatefulSet};
use crate::rule::{Applicability, Context, Described, Findings, Fix, Occasion, Operation, Rule, Workload, rule};

rule! {
    /// Databases that keep their data in the root of a volume.
    ///
    /// ## What it does
    /// Finds servers whose first start breaks on a `lost+found` directory and whose data directory is the very root of a
    /// claim. It is silent where a subPath, an argument or an init container deals with `lost+found`. Where the tag does not
    /// tell the major (`postgres:latest`, a digest alone), it warns if the place is wrong for every major.
    ///
    /// ## Why it matters
    /// A fresh ext4 volume holds `lost+found`, and `initdb` refuses a directory that is not empty: the first pod never
    /// starts. On xfs and NFS, which have no `lost+found`, nothing is wrong. A root that belongs to root is also why
    /// servers that run without privileges cannot set its permissions; both are solved by a subdirectory.
    ///
    /// ## Example
    /// ```yaml
    /// image: postgres:16
    /// volumeMounts:
    ///   - {name: data, mountPath: /var/lib/postgresql/data}
    /// ```
    ///
    /// ## Use instead
    /// ```yaml
    /// image: postgres:16
    /// env:
    ///   - {name: PGDATA, value: /var/lib/postgresql/data/pgdata}
    /// volumeMounts:
    ///   - {name: data, mountPath: /var/lib/postgresql/data}
    /// ```
    /// Or mount a `subPath`. On a set that has data already, either one hides it: move the data first.
    ///
    /// ## Fix
    /// Safe on CREATE for the official PostgreSQL image and images built from it, up to major 17: PGDATA becomes a
    /// subdirectory of the mount, but only if nothing can be in the volume yet. That takes twelve conditions, among them:
    /// no claim and no PersistentVolume of this set exists, the StorageClass makes fresh volumes, no other container uses
    /// the volume. In files it is unsafe, because they cannot show that the volume is empty.
    ///
    /// ## Exemptions
    /// `stsguard.dev/exempt-data-directory-at-mount-root` on the StatefulSet.
    ///
    /// ## References
    /// - docker-library/postgres, docker-entrypoint.sh: when a database is initialised.
    /// - docker-library/mysql#69, strimzi/strimzi-kafka-operator#1307: the same with MySQL 5.7 and Kafka.
    /// - What real servers do on a fresh ext4 volume: docs/engines.md.
    pub DataDirectoryAtMountRoot {
        code: "STS201", name: "data-directory-at-mount-root", since: "0.1",
        hooks: [StatefulSet],
        default: [Audit, Warn + fix, Deny]
    }
}

impl Rule for DataDirectoryAtMountRoot {
    fn stateful_set(&self, set: &Workload<'_, StatefulSet>, cx: &Context<'_>, found: &mut Findings<'_, '_>) {
        for Misplaced { server, fault, by_major } in misplaced(self.info(), set, cx) {
            if let Fault::AtMountRoot { path, backing } = fault {
                judge(set, &server, &path, &backing, by_major, cx, found);
            }
        }
    }

    fn keep_fixes(&self, old: &Workload<'_, StatefulSet>, new: &Workload<'_, StatefulSet>) -> Vec<Fix> {
        new.servers.iter().filter_map(|server| keep(old, new, server)).collect()
    }
}

fn judge(
    set: &Workload<'_, StatefulSet>,
    server: &Server<'_>,
    path: &str,
    backing: &Backing<'_>,
    by_major: Option<String>,
    cx: &Context<'_>,
    found: &mut Findings<'_, '_>,
) {
    let at = server.slot.pointer(StatefulSet::POD).field("volumeMounts").index(backing.mount_index);
    let at_root = || format!("data directory {path} is its volume's root; with lost+found there the first start fails");
    let is_clear = by_major.is_none();
    let finding = found.server(server, at).say(by_major.unwrap_or_else(at_root)).help(match () {
        () if !cx.occasion.is_new() => move_first(server),
        () if is_clear => remedy(server, path),
        () => "name the major in the image's tag, then the place that it wants can be checked".to_owned(),
    });
    let fix = conditions::fix(set, server, backing);
    match (cx.occasion, fix) {
        (Occasion::Create, fix) => {
            if let Some(claims) = conditions::existing_claims(set, backing, cx) {
                finding
                    .say(format!("data directory {path} is its volume's root, and claims exist ({claims})"))
                    .help("to change PGDATA or the subPath now would hide the data that these claims hold");
            } else if let Some(fix) = fix.filter(|_| conditions::volume_is_new(set, backing, cx)) {
                finding.fix(fix);
            }
        }
        (Occasion::Check, Some(fix)) => {
            finding.fix(Fix { applicability: Applicability::Unsafe, ..fix });
        }
        _ => {}
    }
}

/// What to do about a set that may hold data.
fn move_first(server: &Server<'_>) -> String {
    let variable = server.safe_subdirectory().map(|(variable, _)| format!("{variable} or ")).unwrap_or_default();
    format!(
        "existing data must be moved first: stop the set, move the files, then change {variable}subPath with the annotation \
         stsguard.dev/exempt-data-directory-moved"
    )
}

fn remedy(server: &Server<'_>, path: &str) -> String {
    match server.safe_subdirectory() {
        Some((variable, sub)) => {
            format!("set {}, or mount the volume with a subPath", entry(variable, &format!("{path}/{sub}")))
        }
        None => "mount the volume with a subPath".to_owned(),
    }
}

/// An entry of `env`, as YAML on one line.
fn entry(variable: &str, value: &str) -> String {
    format!("{{name: {variable}, value: {value}}}")
}

/// The operation that sets `variable`, and the YAML for the manifest.
fn set_variable(server: &Server<'_>, variable: &str, value: &str, index: Option<usize>) -> Fix {
    let env = &server.container.env;
    let list = server.slot.pointer(StatefulSet::POD).field("env");
    let added = json!({"name": variable, "value": value});
    let written = env.iter().rposition(|entry| entry.name == variable);
    let operation = match (written, index) {
        (Some(index), _) => Operation::Add { path: list.index(index).field("value"), value: json!(value) },
        (None, _) if env.is_empty() => Operation::Add { path: list, value: json!([added]) },
        (None, Some(index)) if index < env.len() => Operation::Add { path: list.index(index), value: added },
        (None, _) => Operation::Add { path: list.end(), value: added },
    };
    Fix {
        applicability: Applicability::Safe,
        title: format!("{variable} set"),
        yaml: entry(variable, value),
        operations: vec![operation],
        rests_on: Vec::new(),
    }
}

/// Puts the old value back if the update brings the default back and all it was made for is unchanged.
fn keep(old: &Workload<'_, StatefulSet>, new: &Workload<'_, StatefulSet>, server: &Server<'_>) -> Option<Fix> {
    let before = old.servers.iter().find(|before| before.container.name == server.container.name)?;
    if before.engine.id != server.engine.id || before.degree != server.degree {
        return None;
    }
    let variable = "PGDATA";
    let last = |env: &[EnvVar]| env.iter().rposition(|entry| entry.name == variable);
    let index = last(&before.container.env)?;
    let value = before.container.env[index].value.as_deref()?;
    let mount = |set: &Workload<'_, StatefulSet>, server: &Server<'_>| {
        let backing = engines::backing(value, server.container, set.pod(), set.claim_templates())?;
        let BackingSource::ClaimTemplate(template) = backing.source else { return None };
        let at_root = backing.mount.is_root() && !backing.inside.is_empty();
        at_root.then(|| (template.name().to_owned(), engines::normalise(&backing.mount.mount_path)))
    };
    let (claim, path) = mount(old, before)?;
    if mount(new, server)? != (claim, path.clone()) {
        return None;
    }
    let brought = last(&server.container.env).map(|index| &server.container.env[index]);
    let is_default = brought.is_none_or(|entry| {
        entry.value_from.is_none()
            && entry.value.as_deref().is_none_or(|v| v.is_empty() || engines::normalise(v) == path)
    });
    is_default.then(|| {
        let mut fix = set_variable(server, variable, value, Some(index));
        fix.title = format!("{variable} kept");
        fix
    })
}

#[cfg(test)]
#[path = "data_directory_at_mount_root/tests.rs"]
mod tests;
