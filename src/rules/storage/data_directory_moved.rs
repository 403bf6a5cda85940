use super::data_directory_shadowed::image_volumes_hide;
use crate::engines::{self, BackingSource, DataDirectory, Degree, Server};
use crate::exemption::is_exempt;
use crate::kubernetes::{RunsPods, StatefulSet};
use crate::pointer::Pointer;
use crate::rule::{Action, Context, Described, Findings, Rule, Update, Workload, data_directory, rule};

rule! {
    /// Updates after which a server would start on other files.
    ///
    /// ## What it does
    /// Compares where the data lies in its volume before and after an update: the claim template or volume, and the path
    /// inside it. It finds a changed PGDATA or argument, a mount moved alone, another subPath, another volume, and a
    /// default that moves with the image (PostgreSQL 17 to 18). Mount and directory moved together are the same files.
    ///
    /// ## Why it matters
    /// Images initialise an empty directory without a question. The server comes up healthy and empty, applications write
    /// to it, and the old data lies beside it unseen.
    ///
    /// ## Example
    /// ```yaml
    /// env:
    ///   - {name: PGDATA, value: /var/lib/postgresql/data/db}   # was /var/lib/postgresql/data/pgdata
    /// ```
    ///
    /// ## Use instead
    /// Move the data first, then change the manifest together with the annotation below; remove the annotation when it is
    /// done. To roll back in an incident: annotate the set, then `kubectl rollout undo`.
    ///
    /// ## Fix
    /// None: only the old place is known to be right.
    ///
    /// ## Exemptions
    /// `stsguard.dev/exempt-data-directory-moved` on the StatefulSet, in the same request or before. While it is there,
    /// each change of the template is answered with a reminder to remove it.
    ///
    /// ## References
    /// - docker-library/postgres, docker-entrypoint.sh: an empty PGDATA is initialised.
    pub DataDirectoryMoved {
        code: "STS202", name: "data-directory-moved", since: "0.1",
        hooks: [StatefulSetUpdate],
        default: [Deny, Deny, Deny]
    }
}

impl Rule for DataDirectoryMoved {
    fn stateful_set_update(&self, change: &Update<'_, '_>, cx: &Context<'_>, found: &mut Findings<'_, '_>) {
        let Update { old, new, .. } = *change;
        for server in &new.servers {
            if let Some(before) = counterpart(old, new, server) {
                compare(old, new, before, server, cx, found);
            }
        }
        let annotation = self.info().exemption();
        if is_exempt(new.metadata(), self.info().name) && change.changes_template() {
            found
                .part(&annotation, Pointer::new("/metadata/annotations").field(&annotation))
                .say("the data directory may move while this annotation is there; remove it when the move is done")
                .help(format!("kubectl annotate statefulset {} {annotation}-", new.metadata().display_name()))
                .at_most(Action::Warn)
                .despite_exemption();
        }
    }
}

/// The same server before the update: the container of that name, or the only server of that engine.
fn counterpart<'o, 'a>(
    old: &'o Workload<'a, StatefulSet>,
    new: &Workload<'_, StatefulSet>,
    server: &Server<'_>,
) -> Option<&'o Server<'a>> {
    let same = |before: &&Server<'_>| before.engine.id == server.engine.id;
    let by_name = old.servers.iter().filter(same).find(|before| before.container.name == server.container.name);
    let lone = old.servers.iter().filter(same).count() == 1
        && new.servers.iter().filter(|other| other.engine.id == server.engine.id).count() == 1;
    by_name.or_else(|| old.servers.iter().find(same).filter(|_| lone))
}

fn compare(
    old: &Workload<'_, StatefulSet>,
    new: &Workload<'_, StatefulSet>,
    before: &Server<'_>,
    after: &Server<'_>,
    cx: &Context<'_>,
    found: &mut Findings<'_, '_>,
) {
    let DataDirectory::Known(was) = data_directory(before, cx) else { return };
    let Some(from) = Location::of(&was.path, old, before).filter(|location| location.kept) else { return };
    if image_volumes_hide(cx.policy) && is_shadowed(&was.path, old, before) {
        return; // The claim never held the data: see STS203.
    }
    let at = after.slot.pointer(StatefulSet::POD);
    let help = "move the data first, then annotate this change; a rollback is annotate, then `kubectl rollout undo`";
    let DataDirectory::Known(is) = data_directory(after, cx) else {
        if before.container.image != after.container.image {
            found
                .part(&after.container.name, at.field("image"))
                .say(format!("with another image it is unknown whether the data stays at {}", from.text))
                .help("make sure that the new image keeps its data in the same place")
                .at_most(Action::Warn);
        }
        return;
    };
    let to = Location::of(&is.path, new, after);
    if to.as_ref().is_some_and(|to| to.identity == from.identity) {
        return;
    }
    let to_text = to.as_ref().map_or_else(|| format!("{} on no volume", is.path), |to| to.text.clone());
    let certain = before.degree == Degree::Official && after.degree == Degree::Official;
    let expanded = from.expanded || to.is_some_and(|to| to.expanded);
    found
        .part(&after.container.name, at)
        .say(format!("data directory moves from {} to {to_text}; existing data will not be seen", from.text))
        .help(help)
        .at_most(if certain && !expanded { Action::Deny } else { Action::Warn });
}

/// Whether an image's VOLUME lies between the mount and the data, as STS203 finds it.
fn is_shadowed(path: &str, set: &Workload<'_, StatefulSet>, server: &Server<'_>) -> bool {
    let Some(backing) = engines::backing(path, server.container, set.pod(), set.claim_templates()) else {
        return false;
    };
    engines::shadow(path, &backing, server).is_some()
}

/// Where data lies in its volume.
struct Location {
    /// Equal when the files are the same.
    identity: (String, String),
    /// For people.
    text: String,
    /// Whether it outlives the pod.
    kept: bool,
    /// Whether a subPathExpr, which only the node expands, is part of it.
    expanded: bool,
}

impl Location {
    fn of(path: &str, set: &Workload<'_, StatefulSet>, server: &Server<'_>) -> Option<Self> {
        let backing = engines::backing(path, server.container, set.pod(), set.claim_templates())?;
        let (volume, shown, kept) = match backing.source {
            BackingSource::ClaimTemplate(template) => {
                (format!("template:{}", template.name()), format!("claim {}", template.name()), true)
            }
            BackingSource::Claim(claim) => {
                (format!("claim:{}", claim.claim_name), format!("claim {}", claim.claim_name), true)
            }
            BackingSource::HostPath(host) => (format!("host:{}", host.path), format!("hostPath {}", host.path), true),
            BackingSource::EmptyDir => ("emptyDir".to_owned(), "an emptyDir".to_owned(), false),
            BackingSource::Ephemeral => ("ephemeral".to_owned(), "an ephemeral volume".to_owned(), false),
            BackingSource::Other | BackingSource::Missing => {
                (format!("volume:{}", backing.mount.name), format!("volume {}", backing.mount.name), false)
            }
        };
        let expression = backing.mount.sub_path_expr();
        let sub = backing.mount.sub_path().or(expression).unwrap_or_default();
        let inside = engines::normalise(&format!("/{sub}/{}", backing.inside));
        Some(Self {
            text: format!("{shown}:{inside}"),
            identity: (volume, inside),
            kept,
            expanded: expression.is_some(),
        })
    }
}

#[cfg(test)]
#[path = "data_directory_moved_tests.rs"]
mod tests;
