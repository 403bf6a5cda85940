use self::location::Location;
use super::data_directory_shadowed::image_volumes_hide;
use super::placement::refused;
use crate::engines::{self, DataDirectory, Degree, Server};
use crate::exemption::is_exempt;
use crate::kubernetes::{RunsPods, StatefulSet};
use crate::pointer::Pointer;
use crate::rule::{Action, Context, Described, Findings, Rule, Update, Workload, data_directory, rule};

mod location;

rule! {
    /// Updates after which a server would start on other files.
    ///
    /// ## What it does
    /// Compares where the data lies in its volume before and after an update: the claim template or volume, and the path
    /// inside it. It finds a changed PGDATA or argument, a mount moved alone, another subPath, another volume, and a
    /// default that moves with the image (PostgreSQL 17 to 18). Mount and directory moved together are the same files.
    /// Where a tag does not tell the major, it warns if the data moves for every major that could have started.
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
            if let Some(before) = change.before(server) {
                compare(old, new, before, server, cx, found);
            }
        }
        let annotation = self.info().exemption();
        if cx.policy.is_exemptable(self.info().name)
            && is_exempt(new.metadata(), self.info().name)
            && change.changes_template()
        {
            found
                .part(&annotation, Pointer::new("/metadata/annotations").field(&annotation))
                .say("the data directory may move while this annotation is there; remove it when the move is done")
                .help(format!("kubectl annotate statefulset {} {annotation}-", new.metadata().display_name()))
                .at_most(Action::Warn)
                .despite_exemption();
        }
    }
}

fn compare(
    old: &Workload<'_, StatefulSet>,
    new: &Workload<'_, StatefulSet>,
    before: &Server<'_>,
    after: &Server<'_>,
    cx: &Context<'_>,
    found: &mut Findings<'_, '_>,
) {
    let same_image = before.container.image == after.container.image;
    let at = after.slot.pointer(StatefulSet::POD);
    let mut moves = Vec::new();
    let mut stays = false;
    for moved in possible(old, new, before, after, cx) {
        match moved {
            Moved::Never => {}
            Moved::Unseen | Moved::Unmissed | Moved::Stays => stays = true,
            Moved::Unknown { from } => {
                if !same_image {
                    unknown(after, from.as_str(), found);
                }
                return;
            }
            Moved::Data(moved) => moves.push(moved),
        }
    }
    let Some((from, to)) = moves.into_iter().next() else { return };
    if stays {
        // For one major it moves, for another it does not.
        if !same_image {
            unknown(after, &from.text, found);
        }
        return;
    }
    let to_text = to.text;
    let is_certain =
        before.degree == Degree::Official && after.degree == Degree::Official && !(from.is_assumed || to.is_assumed);
    found
        .part(&after.container.name, at)
        .say(format!("data directory moves from {} to {to_text}; existing data will not be seen", from.text))
        .help("move the data first, then annotate this change; a rollback is annotate, then `kubectl rollout undo`")
        .at_most(if is_certain { Action::Deny } else { Action::Warn });
}

fn unknown(after: &Server<'_>, from: &str, found: &mut Findings<'_, '_>) {
    found
        .part(&after.container.name, after.slot.pointer(StatefulSet::POD).field("image"))
        .say(format!("with another image it is unknown whether the data stays at {from}"))
        .help("make sure that the new image keeps its data in the same place")
        .at_most(Action::Warn);
}

/// Whether a server goes on with data that it has kept, whatever majors it may have.
pub(in crate::rules) fn goes_on(
    change: &Update<'_, '_>,
    before: &Server<'_>,
    after: &Server<'_>,
    cx: &Context<'_>,
) -> bool {
    let mut possible = possible(change.old, change.new, before, after, cx);
    possible.retain(|moved| !matches!(moved, Moved::Never));
    !possible.is_empty()
        && possible.iter().all(|moved| match moved {
            Moved::Stays => true,
            Moved::Unseen => change.old.holds_data(),
            Moved::Never | Moved::Unmissed | Moved::Unknown { .. } | Moved::Data(_) => false,
        })
}

/// What an update does to the data, for all majors that the server may have.
fn possible(
    old: &Workload<'_, StatefulSet>,
    new: &Workload<'_, StatefulSet>,
    before: &Server<'_>,
    after: &Server<'_>,
    cx: &Context<'_>,
) -> Vec<Moved> {
    let same_image = before.container.image == after.container.image;
    let mut all = Vec::new();
    for was in &before.possible() {
        for is in &after.possible() {
            // Whatever major one image name stands for, it is the same one before and after.
            if !(same_image && was.major != is.major && was.is_assumed) {
                all.push(moved(old, new, was, is, cx));
            }
        }
    }
    all
}

/// What an update does to the place of a server's data.
enum Moved {
    /// With this major it never started.
    Never,
    /// Nobody knows where it was.
    Unseen,
    /// There was none that would be missed.
    Unmissed,
    /// It is where it was.
    Stays,
    /// It was here, and nobody knows where it is now.
    Unknown { from: String },
    /// It was there and is here.
    Data((Location, Location)),
}

fn moved(
    old: &Workload<'_, StatefulSet>,
    new: &Workload<'_, StatefulSet>,
    before: &Server<'_>,
    after: &Server<'_>,
    cx: &Context<'_>,
) -> Moved {
    let DataDirectory::Known(was) = data_directory(before, cx) else { return Moved::Unseen };
    if refused(before, &was.path, was.set_by).is_some() {
        return Moved::Never;
    }
    let Some(from) = Location::of(&was, old, before).filter(|location| location.is_kept) else {
        return Moved::Unmissed;
    };
    if image_volumes_hide(&cx.policy) && is_shadowed(&was.path, old, before) {
        return Moved::Unmissed; // The claim never held the data: see STS203.
    }
    let DataDirectory::Known(is) = data_directory(after, cx) else { return Moved::Unknown { from: from.text } };
    let to = Location::of(&is, new, after).unwrap_or_else(|| Location::nowhere(&is.path));
    if to.identity == from.identity { Moved::Stays } else { Moved::Data((from, to)) }
}

/// Whether an image's VOLUME lies between the mount and the data, as STS203 finds it.
fn is_shadowed(path: &str, set: &Workload<'_, StatefulSet>, server: &Server<'_>) -> bool {
    let Some(backing) = engines::backing(path, server.container, set.pod(), set.claim_templates()) else {
        return false;
    };
    engines::shadow(path, &backing, server).is_some()
}

#[cfg(test)]
#[path = "data_directory_moved_tests.rs"]
mod tests;
