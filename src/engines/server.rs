//! The containers of a pod that run a known server.

mod peers;

use crate::kubernetes::{ClaimTemplate, Container, PodSpec, Slot};

use super::catalogue::{Engine, Image, Layout, StartUp};
use super::data_directory::{self, DataDirectory};
use super::entrypoint::{self, Start};
use super::environment::ConfigMaps;
use super::image::{Degree, ImageReference, Mirror, identify};
use super::independent;
use super::mount::{Backing, BackingSource, backing, is_below, normalise};
use super::quorum::{self, Quorum};
use super::readiness::Readiness;
use super::release::{Release, Upgrades};
use super::trust::{self, Trust};

/// A container that runs a known database server.
#[derive(Debug, Clone)]
pub struct Server<'a> {
    /// Where the container stands.
    pub slot: Slot,
    /// The container.
    pub container: &'a Container,
    /// The engine.
    pub engine: &'static Engine,
    /// The image's directories; `None` for a namesake, and where they are not known.
    pub layout: Option<&'static Layout>,
    /// How sure it is that the image is the catalogue's.
    pub degree: Degree,
    /// The major version, if the tag tells it.
    pub major: Option<u32>,
    /// Whether the major version is one that the server may have: the tag does not tell.
    pub is_assumed: bool,
    /// How the server is started.
    pub start: Start,
    /// The words that it is given, the server's or entrypoint's own name among them where a command is written.
    pub(super) arguments: Vec<&'a str>,
    image: &'static Image,
}

/// All containers of a pod that run a known server, native sidecars included; the first is the main one.
pub fn servers<'a>(pod: &'a PodSpec, mirrors: &[Mirror]) -> Vec<Server<'a>> {
    let lasting = pod.all_containers().filter(|(slot, container)| match slot {
        Slot::Container(_) => true,
        Slot::Init(_) => container.restart_policy.as_deref() == Some("Always"),
    });
    lasting.filter_map(|(slot, container)| server(slot, container, mirrors)).collect()
}

fn server<'a>(slot: Slot, container: &'a Container, mirrors: &[Mirror]) -> Option<Server<'a>> {
    let reference = ImageReference::parse(container.image.as_deref()?)?;
    let (engine, image, degree) = identify(&reference, mirrors)?;
    let (start, arguments) = entrypoint::start(container, engine)?;
    let layout = image.layout.filter(|_| degree > Degree::Namesake);
    Some(Server {
        slot,
        container,
        engine,
        layout,
        degree,
        major: reference.tag.and_then(|tag| image.major(tag)),
        is_assumed: false,
        start,
        arguments,
        image,
    })
}

impl Server<'_> {
    /// The server with each major that it may have, the newest first, one for each layout that differs; itself where the
    /// major is known or makes no difference.
    ///
    /// What holds for all of them holds for the server.
    pub fn possible(&self) -> Vec<Self> {
        let eras = match (self.major, self.layout) {
            (None, Some(layout)) if layout.directories.len() > 1 => layout.directories,
            _ => return vec![self.clone()],
        };
        let newest = std::iter::once(eras[0].from);
        let older = eras.windows(2).map(|pair| pair[0].from - 1);
        newest.chain(older).map(|major| Self { major: Some(major), is_assumed: true, ..self.clone() }).collect()
    }

    /// Which majors have this server's layout: `up to 17`, `from 18 on`; empty where there is one layout for all.
    pub fn majors(&self) -> String {
        let (Some(major), Some(layout)) = (self.major, self.layout) else { return String::new() };
        match layout.directories.iter().position(|era| era.from <= major) {
            Some(0) if layout.directories.len() > 1 => format!("from {} on", layout.directories[0].from),
            Some(index) if index > 0 => format!("up to {}", layout.directories[index - 1].from - 1),
            _ => String::new(),
        }
    }

    /// Where the server keeps its data.
    pub fn data_directory(&self, config_maps: &ConfigMaps<'_>) -> DataDirectory {
        data_directory::effective(self, config_maps)
    }

    /// Where it keeps its data when neither arguments nor environment say otherwise.
    pub fn default_directory(&self) -> Option<String> {
        data_directory::default(self)
    }

    /// Whether the first start breaks on `lost+found` in the data directory; no where it is not known.
    pub fn lost_and_found_breaks(&self) -> bool {
        self.era().is_some_and(|era| era.lost_and_found_breaks)
    }

    /// Whether an argument or an init container deals with `lost+found`.
    pub fn handles_lost_and_found(&self, pod: &PodSpec) -> bool {
        let speaks = |container: &Container| {
            container.command.iter().chain(&container.args).any(|word| word.contains("lost+found"))
        };
        speaks(self.container) || pod.init_containers.iter().any(speaks)
    }

    /// How the server's pods must be started.
    pub fn start_up(&self) -> StartUp {
        match self.image.start_up {
            _ if self.is_redis_cluster() => StartUp::Parallel,
            Some(start_up) => start_up,
            None => self.engine.start_up,
        }
    }

    /// How the server is asked whether it serves; `None` where no way is known to be right for it. Pods that start in order
    /// are asked what does not wait for peers, if there is such a question.
    pub fn readiness(&self, in_order: bool) -> Option<&'static Readiness> {
        let own = self.image.readiness;
        let ways = if own.is_empty() || self.degree == Degree::Namesake { self.engine.readiness } else { own };
        Readiness::choose(ways, self.major, in_order)
    }

    /// The variable that moves the data into a subdirectory and the subdirectory's name, where setting it is safe.
    pub fn safe_subdirectory(&self) -> Option<(&'static str, &'static str)> {
        let layout = self.layout?;
        let (subdirectory, limit) = layout.safe_subdirectory?;
        (self.major? < limit && !self.is_assumed).then(|| (layout.variables[0], subdirectory))
    }

    /// How the server agrees with its peers, where it surely does.
    pub fn quorum(&self) -> Option<Quorum> {
        quorum::of(self)
    }

    /// Whether several of this server, in pods like this one, surely know nothing of each other.
    pub fn is_independent(&self, pod: &PodSpec, templates: &[ClaimTemplate], config_maps: &ConfigMaps<'_>) -> bool {
        independent::holds(self, self.image.segment, pod, templates, config_maps)
    }

    /// Whether a word stands in the server's command, in its arguments, or in its variables and their values.
    pub(super) fn mentions(&self, word: &str) -> bool {
        let Container { command, args, env, .. } = self.container;
        let variables = env.iter().flat_map(|entry| entry.value.iter().chain([&entry.name]));
        command.iter().chain(args).chain(variables).any(|text| text.contains(word))
    }

    /// The releases of this server before and now, where the one surely does not start on the other's files.
    ///
    /// It says nothing of images whose tags may be somebody's own, and of those that see to upgrades themselves.
    pub fn refuses_files_of(&self, before: &Server<'_>) -> Option<(Release, Release)> {
        let release = |server: &Server<'_>| {
            let own = server.degree > Degree::Namesake && server.image.start_up != Some(StartUp::Any);
            match self.engine.upgrades {
                _ if !own => None,
                Upgrades::Never => Some(Release { major: server.major?, minor: None }),
                _ => Release::parse(ImageReference::parse(server.container.image.as_deref()?)?.tag?),
            }
        };
        let (old, new) = (release(before)?, release(self)?);
        self.engine.upgrades.refuse(old, new).then_some((old, new))
    }

    /// What lets everybody into the server, as far as the container shows it.
    pub fn trust(&self, config_maps: &ConfigMaps<'_>) -> Option<&'static Trust> {
        trust::found(self, config_maps)
    }

    /// The paths that the image declares as VOLUME; empty where they are not known.
    pub fn volume_paths(&self) -> &'static [&'static str] {
        self.era().map_or(&[], |era| era.volumes)
    }

    /// The path at which the image's entrypoint refuses a mount while the data directory is the default.
    pub fn refuses_mount(&self) -> Option<&'static str> {
        self.era()?.refuses_mount
    }

    fn era(&self) -> Option<&'static super::catalogue::Era> {
        self.layout?.era(self.major)
    }
}

/// The image's VOLUME that lies between a mount and the data directory below it: the runtime mounts an anonymous volume
/// there, which hides the mount.
pub fn shadow(path: &str, backing: &Backing<'_>, server: &Server<'_>) -> Option<&'static str> {
    let mount = normalise(&backing.mount.mount_path);
    let between = |volume: &&&str| is_below(volume, &mount) && (path == **volume || is_below(path, volume));
    server.volume_paths().iter().find(between).copied()
}

/// Whether losing the pod's volumes would lose data: a claim template, a claim, or a data directory on the node.
pub fn holds_data(pod: &PodSpec, templates: &[ClaimTemplate], servers: &[Server<'_>]) -> bool {
    !templates.is_empty()
        || pod.volumes.iter().any(|volume| volume.persistent_volume_claim.is_some())
        || servers.iter().any(|server| server.possible().iter().all(|server| is_on_the_node(server, pod, templates)))
}

fn is_on_the_node(server: &Server<'_>, pod: &PodSpec, templates: &[ClaimTemplate]) -> bool {
    match server.data_directory(&|_| None) {
        DataDirectory::Known(directory) => backing(&directory.path, server.container, pod, templates)
            .is_some_and(|backing| matches!(backing.source, BackingSource::HostPath(_))),
        DataDirectory::Unknown => false,
    }
}

#[cfg(test)]
#[path = "server_tests.rs"]
mod tests;
