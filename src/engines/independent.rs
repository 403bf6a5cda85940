//! Servers of which each pod has a database of its own, unless something tells them of each other.

use crate::kubernetes::{ClaimTemplate, Container, PodSpec};

use super::entrypoint::Start;
use super::environment::ConfigMaps;
use super::image::{Degree, ImageReference};
use super::mount::{BackingSource, backing};
use super::server::Server;

/// Servers of which each pod has a database of its own.
#[derive(Debug, Clone, Copy)]
pub struct Independent {
    /// The images that run them, by their name in the catalogue.
    pub images: &'static [&'static str],
    /// Parts of words, in lower case, of which none may stand in the command, in the arguments or in the environment:
    /// whoever writes one of them may have made them know each other.
    pub unless: &'static [&'static str],
}

/// Whether several pods like this one surely have databases of their own.
///
/// Another container, a script, or a file that is mounted may do anything.
pub(super) fn holds(
    server: &Server<'_>,
    image: &str,
    pod: &PodSpec,
    templates: &[ClaimTemplate],
    config_maps: &ConfigMaps<'_>,
) -> bool {
    let Some(independent) = server.engine.independent else { return false };
    let container = server.container;
    let others = pod.all_containers().map(|(_, other)| other).filter(|other| !std::ptr::eq(*other, container));
    server.degree > Degree::Namesake
        && server.start == Start::Entrypoint
        && independent.images.contains(&image)
        && others.into_iter().all(looks_on)
        && !brings_files(container, pod, templates)
        && words(container, config_maps).is_some_and(|words| {
            !words.iter().any(|word| independent.unless.iter().any(|part| word.to_ascii_lowercase().contains(part)))
        })
}

/// Whether a container only looks on: an exporter.
pub fn looks_on(container: &Container) -> bool {
    let image = container.image.as_deref().and_then(ImageReference::parse);
    image.is_some_and(|image| image.last_segment().split(['-', '_']).any(|word| word == "exporter"))
}

/// Whether something besides claims and empty directories is mounted: scripts of the first start, configuration.
fn brings_files(container: &Container, pod: &PodSpec, templates: &[ClaimTemplate]) -> bool {
    container.volume_mounts.iter().any(|mount| {
        let source = backing(&mount.mount_path, container, pod, templates).map(|backing| backing.source);
        !matches!(source, Some(BackingSource::ClaimTemplate(_) | BackingSource::EmptyDir | BackingSource::Ephemeral))
    })
}

/// All that the container is told; `None` where a ConfigMap is not seen. Secrets hold secrets.
fn words(container: &Container, config_maps: &ConfigMaps<'_>) -> Option<Vec<String>> {
    let Container { command, args, env, env_from, .. } = container;
    let variables = env.iter().flat_map(|entry| entry.value.iter().chain([&entry.name]));
    let mut words: Vec<_> = command.iter().chain(args).chain(variables).cloned().collect();
    for reference in env_from.iter().filter_map(|source| source.config_map_ref.as_ref()) {
        let data = config_maps(&reference.name)?;
        words.extend(data.iter().flat_map(|(name, value)| [name.clone(), value.clone()]));
    }
    Some(words)
}
