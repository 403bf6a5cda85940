//! When PGDATA may be set: only where it is proved that the volume is new.
//!
//! A changed PGDATA on a volume that holds data starts a second, empty database beside it without an error, so each
//! condition here is one way in which data could already be there, or in which another part of the pod relies on the
//! old place. Tried on an API server: without the conditions on PersistentVolumes and StorageClasses, a pre-bound volume
//! with old data bound at once.

use std::sync::Arc;

use crate::engines::{self, Backing, BackingSource, Degree, Server, Start};
use crate::facts::{ClaimFacts, Listed, Lookup, StorageClassFacts, VolumeFacts, default_class};
use crate::kubernetes::{ClaimTemplate, Container, Exec, Handler, RunsPods, StatefulSet};
use crate::rule::{Context, Fix, Workload};

/// The fix, if the manifest alone allows it.
pub(super) fn fix(set: &Workload<'_, StatefulSet>, server: &Server<'_>, backing: &Backing<'_>) -> Option<Fix> {
    let (variable, subdirectory) = server.safe_subdirectory()?;
    let BackingSource::ClaimTemplate(template) = backing.source else { return None };
    let mount_path = engines::normalise(&backing.mount.mount_path);
    let container = server.container;
    let fixable = server.degree == Degree::Official
        && server.start == Start::Entrypoint
        && container.command.is_empty()
        && template.spec.data_source.is_none()
        && template.spec.data_source_ref.is_none()
        && template.spec.volume_name.as_deref().unwrap_or_default().is_empty()
        && template.spec.selector.is_none()
        // The beta annotation still overrules storageClassName.
        && !template.metadata.annotations.contains_key("volume.beta.kubernetes.io/storage-class")
        && !container.env_from.iter().any(|source| source.secret_ref.is_some())
        && !others(set, container).any(|other| shares(other, template.name(), variable))
        && !mentions(container, variable, &mount_path, backing.mount_index);
    fixable.then(|| super::set_variable(server, variable, &format!("{mount_path}/{subdirectory}"), None))
}

/// The claims of this set that exist already, for a message; none where that is not known.
pub(super) fn existing_claims(
    set: &Workload<'_, StatefulSet>,
    backing: &Backing<'_>,
    cx: &Context<'_>,
) -> Option<String> {
    let (name, template) = claimed(set, backing, cx)?;
    let claims = claims(name, template, cx);
    (!claims.items.is_empty()).then(|| listed(&claims.items))
}

/// Whether it is proved that the claim's volume will be made afresh.
///
/// All questions are asked before any answer is looked at, so that one round of live reads brings all that is needed.
pub(super) fn volume_is_new(set: &Workload<'_, StatefulSet>, backing: &Backing<'_>, cx: &Context<'_>) -> bool {
    let Some((name, template)) = claimed(set, backing, cx) else { return false };
    let claims = claims(name, template, cx);
    let reserved = cx.list::<VolumeFacts>(|volume| volume.is_reserved_for(cx.namespace, name, template.name()));
    let class = match template.spec.storage_class_name.as_deref() {
        Some(class) => cx.get::<StorageClassFacts>(class),
        None => default_class(&cx.list::<StorageClassFacts>(|_| true)),
    };
    let Lookup::Found(class) = class else { return false };
    let free = cx.list::<VolumeFacts>(|volume| volume.is_free_for(&class.name));
    claims.is_surely_empty() && reserved.is_surely_empty() && free.is_surely_empty() && makes_fresh_volumes(&class)
}

/// The set and the claim template whose volume is in question; none where nothing can be proved about it.
fn claimed<'s>(
    set: &'s Workload<'_, StatefulSet>,
    backing: &Backing<'s>,
    cx: &Context<'_>,
) -> Option<(&'s str, &'s ClaimTemplate)> {
    let BackingSource::ClaimTemplate(template) = backing.source else { return None };
    let name = set.metadata().name.as_deref().filter(|name| !name.is_empty())?;
    // An empty class means that nothing makes a volume: one that exists is bound.
    let is_made = template.spec.storage_class_name.as_deref() != Some("");
    (is_made && !cx.policy.leaves_alone(set.metadata())).then_some((name, template))
}

fn claims(set: &str, template: &ClaimTemplate, cx: &Context<'_>) -> Listed<ClaimFacts> {
    cx.list::<ClaimFacts>(|claim| claim.is_of(set, template.name()))
}

/// Whether a class makes a new directory or disk for each claim, as far as it can be told.
fn makes_fresh_volumes(class: &StorageClassFacts) -> bool {
    let names_a_path = class.parameters.iter().any(|(key, value)| {
        let key = key.to_ascii_lowercase();
        key.contains("path") || key.contains("subdir") || value.contains("${")
    });
    class.provisioner != "kubernetes.io/no-provisioner" && !names_a_path
}

fn listed(claims: &[Arc<ClaimFacts>]) -> String {
    match claims {
        [one] => one.name.to_string(),
        [first, .., last] => format!("{} … {}", first.name, last.name),
        [] => String::new(),
    }
}

fn others<'a>(set: &'a Workload<'_, StatefulSet>, own: &'a Container) -> impl Iterator<Item = &'a Container> {
    set.pod().all_containers().map(|(_, container)| container).filter(move |other| !std::ptr::eq(*other, own))
}

/// Whether another container uses the volume or is told where the data is.
fn shares(other: &Container, volume: &str, variable: &str) -> bool {
    other.volume_mounts.iter().any(|mount| mount.name == volume)
        || other.volume_devices.iter().any(|device| device.name == volume)
        || other.env.iter().any(|entry| entry.name == variable)
}

/// Whether anything else in the container relies on the mount path or what is below it.
fn mentions(container: &Container, variable: &str, mount_path: &str, mount_index: usize) -> bool {
    let env = container.env.iter().filter(|entry| entry.name != variable).filter_map(|entry| entry.value.as_deref());
    let exec = |exec: &Option<Exec>| exec.iter().flat_map(|exec| exec.command.clone()).collect::<Vec<_>>();
    let probes = [&container.readiness_probe, &container.liveness_probe, &container.startup_probe];
    let probes = probes.into_iter().flatten().flat_map(|probe| exec(&probe.exec));
    let hooks = container.lifecycle.iter().flat_map(|l| [&l.post_start, &l.pre_stop]).flatten();
    let hooks = hooks.flat_map(|handler: &Handler| exec(&handler.exec));
    let texts = container.command.iter().chain(&container.args).map(String::as_str).chain(env);
    let mut commands = probes.chain(hooks);
    let below = |(index, mount): (usize, &crate::kubernetes::VolumeMount)| {
        index != mount_index && (mount.mount_path.contains(mount_path))
    };
    let mut texts = texts;
    texts.any(|text| text.contains(mount_path))
        || commands.any(|text| text.contains(mount_path))
        || container.volume_mounts.iter().enumerate().any(below)
}
