//! When PGDATA may be set: only where it is proved that the volume is new.
//!
//! A changed PGDATA on a volume that holds data starts a second, empty database beside it without an error, so each
//! condition here is one way in which data could already be there, or in which another part of the pod relies on the
//! old place. Tried on an API server: without the conditions on PersistentVolumes and StorageClasses, a pre-bound volume
//! with old data bound at once.

use crate::engines::{self, Backing, BackingSource, Degree, Server, Start};
use crate::evaluation::{Context, Fix, Lookup, Workload, is_left_alone};
use crate::kubernetes::{Container, Exec, Handler, Probe, RunsPods, StatefulSet};

/// Why the volume may not be new.
pub(super) enum Doubt {
    /// These claims exist.
    Claims(String),
    /// It could not be proved.
    Unproved,
}

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

/// Whether it is proved that the claim's volume will be made afresh.
pub(super) fn volume_is_new(
    set: &Workload<'_, StatefulSet>,
    backing: &Backing<'_>,
    cx: &Context<'_>,
) -> Result<(), Doubt> {
    let BackingSource::ClaimTemplate(template) = backing.source else { return Err(Doubt::Unproved) };
    let name = set.metadata().name.as_deref().filter(|name| !name.is_empty()).ok_or(Doubt::Unproved)?;
    if is_left_alone(set.metadata(), cx.policy) {
        return Err(Doubt::Unproved);
    }
    match cx.claims(name, template.name()) {
        Lookup::Found(claims) if claims.is_empty() => {}
        Lookup::Found(claims) => return Err(Doubt::Claims(listed(&claims))),
        Lookup::Absent | Lookup::Unknown => return Err(Doubt::Unproved),
    }
    let Lookup::Found(volumes) = cx.reserved_volumes(name, template.name()) else { return Err(Doubt::Unproved) };
    let class = template.spec.storage_class_name.as_deref();
    if !volumes.is_empty() || class == Some("") {
        return Err(Doubt::Unproved);
    }
    let Lookup::Found(class) = cx.storage_class(class) else { return Err(Doubt::Unproved) };
    let names_a_path = class.parameters.iter().any(|(key, value)| {
        let key = key.to_ascii_lowercase();
        key.contains("path") || key.contains("subdir") || value.contains("${")
    });
    if cx.free_volumes(&class.name) != Lookup::Found(false) {
        return Err(Doubt::Unproved);
    }
    let fresh = class.provisioner != "kubernetes.io/no-provisioner" && !names_a_path;
    if fresh { Ok(()) } else { Err(Doubt::Unproved) }
}

fn listed(claims: &[String]) -> String {
    match claims {
        [one] => one.clone(),
        [first, .., last] => format!("{first} … {last}"),
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
    let probes = probes.into_iter().flatten().flat_map(|probe: &Probe| exec(&probe.exec));
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
