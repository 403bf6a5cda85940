//! Image references: parsed, matched with the catalogue, and the major version read from the tag.

use super::catalogue::{Engine, Image, NO_SERVER_WORDS, PAGES, RENAMED};

/// A container image's reference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageReference<'a> {
    /// The registry's host with its port, if one is written.
    pub registry: Option<&'a str>,
    /// The path below the registry, without tag and digest.
    pub path: &'a str,
    /// The tag.
    pub tag: Option<&'a str>,
    /// The digest, algorithm included.
    pub digest: Option<&'a str>,
}

/// How sure it is that an image is the one the catalogue describes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Degree {
    /// Somebody's own image of that name: the engine is known, its directories are not.
    Namesake,
    /// The same name on a private registry: the layout is assumed.
    Mirror,
    /// The catalogue's own repository, or a public mirror of it.
    Official,
}

/// A registry path that mirrors another: `registry.example.com/hub/` for `docker.io/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mirror {
    /// The prefix of the mirroring references, ending in `/`.
    pub prefix: String,
    /// What stands in its place, ending in `/`.
    pub stands_for: String,
}

/// Public registries on which anybody may publish: a name there says little.
const PUBLIC: &[&str] = &["docker.io", "ghcr.io", "quay.io", "gcr.io", "public.ecr.aws", "registry.gitlab.com"];

/// Public mirrors of Docker Hub's official images: prefix, and the namespace that it stands for.
const HUB_MIRRORS: &[&str] =
    &["public.ecr.aws/docker/library/", "mirror.gcr.io/library/", "registry-1.docker.io/library/", "mirror.gcr.io/"];

impl<'a> ImageReference<'a> {
    /// Parses a reference; `None` for what is none (empty, or templated and not rendered).
    pub fn parse(text: &'a str) -> Option<Self> {
        let text = text.trim();
        if text.is_empty() || text.contains(|c: char| c.is_whitespace() || matches!(c, '{' | '}' | '$')) {
            return None;
        }
        let (rest, digest) = text.split_once('@').map_or((text, None), |(rest, digest)| (rest, Some(digest)));
        let name_start = rest.rfind('/').map_or(0, |slash| slash + 1);
        let (name, tag) = match rest[name_start..].find(':') {
            Some(colon) => (&rest[..name_start + colon], Some(&rest[name_start + colon + 1..])),
            None => (rest, None),
        };
        let (registry, path) = match name.split_once('/') {
            Some((host, path)) if host == "localhost" || host.contains(['.', ':']) => (Some(host), path),
            _ => (None, name),
        };
        (!path.is_empty()).then_some(Self { registry, path, tag: tag.filter(|tag| !tag.is_empty()), digest })
    }

    /// The last segment of the path: what the image is called.
    pub fn last_segment(&self) -> &'a str {
        self.path.rsplit('/').next().unwrap_or(self.path)
    }

    /// Whether what it names can be another version at the next start: it has no digest, and no tag or one without a
    /// version.
    pub fn floats(&self) -> bool {
        self.digest.is_none() && !self.tag.is_some_and(names_a_version)
    }

    /// The full repository, as Docker completes it: `postgres` is `docker.io/library/postgres`.
    fn repository(&self, mirrors: &[Mirror]) -> String {
        let written = match self.registry {
            Some("index.docker.io" | "registry-1.docker.io" | "docker.io") | None => {
                let library = if self.path.contains('/') { "" } else { "library/" };
                format!("docker.io/{library}{}", self.path)
            }
            Some(registry) => format!("{registry}/{}", self.path),
        };
        let mapped = mirrors
            .iter()
            .find_map(|mirror| written.strip_prefix(&mirror.prefix).map(|rest| format!("{}{rest}", mirror.stands_for)));
        mapped.unwrap_or(written)
    }
}

/// The engine that an image runs, with the image's entry and how sure that is.
pub(super) fn identify(
    reference: &ImageReference<'_>,
    mirrors: &[Mirror],
) -> Option<(&'static Engine, &'static Image, Degree)> {
    let segment = reference.last_segment();
    if is_no_server(segment) {
        return None;
    }
    let repository = reference.repository(mirrors);
    let renamed = RENAMED.iter().flat_map(|page| page.iter()).find(|(path, _)| *path == repository);
    let segment = renamed.map_or(segment, |(_, segment)| *segment);
    let (engine, image) = PAGES
        .iter()
        .flat_map(|page| page.iter())
        .find_map(|engine| engine.images.iter().find(|image| image.segment == segment).map(|image| (engine, image)))?;
    Some((engine, image, degree(&repository, image, renamed.is_some())))
}

fn degree(repository: &str, image: &Image, renamed: bool) -> Degree {
    let official = renamed
        || image.repositories.contains(&repository)
        || image.repositories.iter().any(|known| {
            known.strip_prefix("docker.io/library/").is_some_and(|name| {
                // A pull-through cache keeps the path below the registry: …/library/postgres.
                repository.ends_with(&format!("/library/{name}"))
                    || HUB_MIRRORS.iter().any(|mirror| repository.strip_prefix(mirror) == Some(name))
            })
        });
    let registry = repository.split('/').next().unwrap_or_default();
    match registry {
        _ if official => Degree::Official,
        host if PUBLIC.contains(&host) || host.ends_with(".gcr.io") || host.ends_with("-docker.pkg.dev") => {
            Degree::Namesake
        }
        _ => Degree::Mirror,
    }
}

/// Whether a name says that it is something beside the server: an exporter, a client, an operator.
fn is_no_server(segment: &str) -> bool {
    segment.split(['-', '_']).any(|word| NO_SERVER_WORDS.contains(&word))
}

/// The major version in a tag: `pg16` anywhere between dashes, else the leading digits; never an extension's version.
pub fn major(tag: &str) -> Option<u32> {
    let digits = |text: &str| {
        let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        text[..end].parse().ok()
    };
    let after_pg = tag.split('-').find_map(|part| part.strip_prefix("pg").and_then(digits));
    after_pg.or_else(|| digits(tag.strip_prefix('v').unwrap_or(tag)))
}

/// Words in tags whose digits are those of a system or a processor: `alpine3.19`, `debian-12`, `arm64`.
const SYSTEMS: &[&str] = &[
    "alpine",
    "debian",
    "ubuntu",
    "ubi",
    "centos",
    "rhel",
    "fedora",
    "photon",
    "oraclelinux",
    "windowsservercore",
    "nanoserver",
    "ltsc",
    "amd64",
    "arm64",
    "arm32",
    "x86",
    "s390x",
    "ppc64le",
    "riscv64",
];

/// Whether a tag says which version of the server it is, however roughly.
fn names_a_version(tag: &str) -> bool {
    let mut system = false;
    tag.split('-').any(|part| {
        let version = part.contains(|c: char| c.is_ascii_digit());
        let of_system = system || SYSTEMS.iter().any(|word| part.starts_with(word));
        system = of_system && !version;
        version && !of_system
    })
}

#[cfg(test)]
#[path = "image_tests.rs"]
mod tests;
