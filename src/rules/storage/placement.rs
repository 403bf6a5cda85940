//! Whether a server's data lies on its claim: one fault for each layout that the server may have.
//!
//! Where the image's tag does not tell the major version, a fault counts only if every possible layout has one. Then the
//! mildest rule speaks, warns at most, and says what is wrong in each.

use std::cell::LazyCell;

use super::DataDirectoryUnmounted;
use super::data_directory_shadowed::image_volumes_hide;
use crate::engines::{self, Backing, BackingSource, DataDirectory, Directory, Server, SetBy, Start};
use crate::kubernetes::{Container, RunsPods, StatefulSet, VolumeMount};
use crate::rule::{Action, Context, Described, Info, Workload, data_directory};

/// What is wrong with the place of a server's data.
pub(super) enum Fault<'s> {
    /// The data directory is the root of a claim, and the first start breaks on `lost+found`: STS201.
    AtMountRoot { path: String, backing: Backing<'s> },
    /// The image's VOLUME hides the claim: STS203.
    Shadowed { shadow: &'static str, backing: Backing<'s> },
    /// The data directory is on no claim: STS204.
    Unmounted { path: String, on: Option<Backing<'s>> },
    /// The entrypoint refuses a mount at this path: STS205.
    Refused { mount_index: usize, refused: &'static str, path: String },
}

impl Fault<'_> {
    /// The code of the rule that speaks of it.
    fn code(&self) -> &'static str {
        match self {
            Self::AtMountRoot { .. } => "STS201",
            Self::Shadowed { .. } => "STS203",
            Self::Unmounted { .. } => "STS204",
            Self::Refused { .. } => "STS205",
        }
    }

    /// In a few words, for a sentence that names several.
    fn brief(&self) -> &'static str {
        match self {
            Self::AtMountRoot { .. } => "lost+found breaks the first start",
            Self::Shadowed { .. } => "an anonymous volume hides the claim",
            Self::Unmounted { .. } => "the data is on no claim",
            Self::Refused { .. } => "the mount is refused",
        }
    }
}

/// A server whose data is in the wrong place.
pub(super) struct Misplaced<'s, 'a> {
    /// The server; where its major is not known, with one that it may have.
    pub(super) server: Server<'a>,
    /// What is wrong.
    pub(super) fault: Fault<'s>,
    /// What is wrong with each major that it may have, where that differs.
    pub(super) by_major: Option<String>,
}

/// The misplaced servers of which `rule` is the one to speak.
pub(super) fn misplaced<'s, 'a>(
    rule: &Info,
    set: &'s Workload<'a, StatefulSet>,
    cx: &Context<'_>,
) -> impl Iterator<Item = Misplaced<'s, 'a>> {
    // Looked for once: there may be thousands of containers.
    let nobodys = LazyCell::new(|| !set.pod().all_containers().any(|(_, container)| mounts_a_claim(set, container)));
    set.servers.iter().filter_map(move |server| {
        let of = |server| Some((fault(set, &server, &|| *nobodys, cx)?, server));
        let faults = server.possible().into_iter().map(of);
        let faults = faults.collect::<Option<Vec<_>>>()?;
        let differ = faults.iter().any(|(fault, _)| fault.code() != faults[0].0.code());
        let by_major = differ.then(|| {
            let parts = faults.iter().rev().map(|(fault, server)| format!("{} {}", server.majors(), fault.brief()));
            format!("unknown major: {}", parts.collect::<Vec<_>>().join("; "))
        });
        let (fault, server) = faults.into_iter().min_by_key(|(fault, _)| (action(fault, cx), fault.code()))?;
        (fault.code() == rule.code).then_some(Misplaced { server, fault, by_major })
    })
}

/// Whether a server keeps its data beside the claims that are meant for it, of which STS204 speaks.
pub(super) fn is_unmounted(set: &Workload<'_, StatefulSet>, cx: &Context<'_>) -> bool {
    misplaced(DataDirectoryUnmounted.info(), set, cx).next().is_some()
}

/// A server whose data directory is known, and what it lies on.
pub(super) struct Lying<'s, 'a> {
    /// The server; where its major is not known, with one that it may have.
    pub(super) server: Server<'a>,
    /// The data directory.
    pub(super) path: String,
    /// The mount.
    pub(super) backing: Backing<'s>,
}

/// The servers whose data lies on a mount that is `wanted`, whatever major they have. What an image's VOLUME hides holds no
/// data.
pub(super) fn lying<'s, 'a>(
    set: &'s Workload<'a, StatefulSet>,
    cx: &Context<'_>,
    wanted: impl Fn(&Backing<'_>) -> bool,
) -> Vec<Lying<'s, 'a>> {
    let lies = |server: Server<'a>| -> Option<Lying<'s, 'a>> {
        let DataDirectory::Known(Directory { path, .. }) = data_directory(&server, cx) else { return None };
        let backing = engines::backing(&path, server.container, set.pod(), set.claim_templates())?;
        let is_hidden = image_volumes_hide(&cx.policy) && engines::shadow(&path, &backing, &server).is_some();
        (wanted(&backing) && !is_hidden).then_some(Lying { server, path, backing })
    };
    let for_all = |server: &Server<'a>| -> Option<Lying<'s, 'a>> {
        server.possible().into_iter().map(lies).collect::<Option<Vec<_>>>()?.into_iter().next()
    };
    set.servers.iter().filter_map(for_all).collect()
}

/// Whether it is known of each server in the set where its data is, and there is one.
pub(super) fn is_data_known(set: &Workload<'_, StatefulSet>, cx: &Context<'_>) -> bool {
    let is_known = |server: &Server<'_>| matches!(data_directory(server, cx), DataDirectory::Known(_));
    !set.servers.is_empty() && set.servers.iter().all(|server| server.possible().iter().all(is_known))
}

fn action(fault: &Fault<'_>, cx: &Context<'_>) -> Action {
    let index = cx.policy.rules().find(fault.code());
    index.map_or(Action::Off, |index| cx.policy.setting(index).action)
}

/// What is wrong with the place of the data under the layout of this server's major; the specific fault before the general.
fn fault<'s>(
    set: &'s Workload<'_, StatefulSet>,
    server: &Server<'s>,
    nobodys: &dyn Fn() -> bool,
    cx: &Context<'_>,
) -> Option<Fault<'s>> {
    let DataDirectory::Known(directory) = data_directory(server, cx) else { return None };
    let path = directory.path;
    if let Some((mount_index, refused)) = refused(server, &path, directory.set_by) {
        return Some(Fault::Refused { mount_index, refused, path });
    }
    let Some(backing) = engines::backing(&path, server.container, set.pod(), set.claim_templates()) else {
        return is_elsewhere(set, server, &path, nobodys).then_some(Fault::Unmounted { path, on: None });
    };
    match backing.source {
        BackingSource::EmptyDir => {
            return is_elsewhere(set, server, &path, nobodys).then_some(Fault::Unmounted { path, on: Some(backing) });
        }
        BackingSource::Other | BackingSource::Missing => return None,
        BackingSource::ClaimTemplate(_)
        | BackingSource::Claim(_)
        | BackingSource::HostPath(_)
        | BackingSource::Ephemeral => {}
    }
    let is_kept = !matches!(backing.source, BackingSource::Ephemeral);
    if let Some(shadow) = engines::shadow(&path, &backing, server).filter(|_| is_kept && image_volumes_hide(&cx.policy))
    {
        return Some(Fault::Shadowed { shadow, backing });
    }
    let breaks = server.lost_and_found_breaks() && !server.handles_lost_and_found(set.pod());
    let is_claim = !matches!(backing.source, BackingSource::HostPath(_));
    let is_root = backing.inside.is_empty() && backing.mount.is_root();
    (breaks && is_claim && is_root).then_some(Fault::AtMountRoot { path, backing })
}

/// The mount that the image's entrypoint refuses while the data directory is its default. A command bypasses the
/// entrypoint, and with it the check.
pub(super) fn refused(server: &Server<'_>, path: &str, set_by: SetBy) -> Option<(usize, &'static str)> {
    let refused = server.refuses_mount()?;
    let is_default = match set_by {
        SetBy::Image => true,
        SetBy::Variable => server.default_directory().as_deref() == Some(path),
        SetBy::Argument => false,
    };
    let is_entered = match server.start {
        Start::Entrypoint => server.container.command.is_empty(),
        Start::HandedOver => true,
        Start::NamedInScript | Start::UnknownScript => false,
    };
    let mounts = &server.container.volume_mounts;
    let index = mounts.iter().position(|mount| engines::normalise(&mount.mount_path) == refused)?;
    (is_default && is_entered).then_some((index, refused))
}

/// Whether claims that are surely meant for this server are somewhere else than its data: it mounts one itself, or nobody
/// mounts any. A cache beside the container that the claims are for keeps nothing, and means to; a claim below the data
/// directory holds a part of it (Cassandra's tables).
fn is_elsewhere(set: &Workload<'_, StatefulSet>, server: &Server<'_>, path: &str, nobodys: &dyn Fn() -> bool) -> bool {
    let templates = set.claim_templates();
    let is_claim = |name: &str| templates.iter().any(|template| template.name() == name);
    let own = &server.container.volume_mounts;
    let is_meant = own.iter().any(|mount| is_claim(&mount.name)) || nobodys();
    // A configuration file that some other volume brings may move the data; PostgreSQL's is named by an argument.
    let is_configured = || own.iter().any(|mount| !is_claim(&mount.name)) && server.engine.id != "postgresql";
    let is_below = |mount: &VolumeMount| engines::is_below(&engines::normalise(&mount.mount_path), path);
    let is_partly = own.iter().any(|mount| is_claim(&mount.name) && is_below(mount));
    !templates.is_empty() && is_meant && !is_partly && !is_configured()
}

/// Whether a container has one of the set's claims.
fn mounts_a_claim(set: &StatefulSet, container: &Container) -> bool {
    let is_claim = |name: &str| set.claim_templates().iter().any(|template| template.name() == name);
    container.volume_mounts.iter().any(|mount| is_claim(&mount.name))
        || container.volume_devices.iter().any(|device| is_claim(&device.name))
}

#[cfg(test)]
#[path = "placement_tests.rs"]
mod tests;
