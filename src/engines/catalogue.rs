//! The engine catalogue: data, one page a family. An empty cell means unknown, and unknown never denies.
//!
//! `make engine-facts` compares it with real servers; docs/engines.md has its last result.

mod brokers;
mod databases;
mod mysql;
mod postgresql;
mod search;
mod stores;

use super::independent::Independent;
use super::quorum::Quorum;
use super::readiness::Readiness;
use super::release::Upgrades;
use super::trust::Trust;

/// How an engine's pods must be started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StartUp {
    /// One after the other: replicas copy from the first.
    Ordered,
    /// All at once: members wait for each other.
    Parallel,
    /// Either, or unknown.
    Any,
}

/// Which of an engine's servers find their peers by the names that a governing Service gives them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FindsPeers {
    /// None, as far as is known.
    No,
    /// Those in images with one of these last path segments; the others run alone, or copy from a primary.
    In(&'static [&'static str]),
    /// All.
    All,
}

/// A database server, whatever image it comes in.
#[derive(Debug)]
pub struct Engine {
    /// Its name in data: `postgresql`.
    pub id: &'static str,
    /// Its name for people: `PostgreSQL`.
    pub title: &'static str,
    /// The shortest time to stop that does not end in crash recovery as a rule, in seconds; `None` where vendors ship
    /// less on purpose or nothing is known.
    pub grace_floor: Option<i64>,
    /// How its pods are started.
    pub start_up: StartUp,
    /// Which of its servers find their peers by name.
    pub finds_peers: FindsPeers,
    /// What in a readinessProbe's command or path, or which `:port`, asks for more than the server itself, so that it is
    /// ready only once it has found its peers; empty where no such question is known.
    pub peer_questions: &'static [&'static str],
    /// Whether losing it loses data (a cache, a broker or Prometheus is no database here).
    pub database: bool,
    /// Variables whose literal value is a password; `*_FILE` variables are not among them.
    pub password_variables: &'static [&'static str],
    /// Those of them that are read only when new data is made.
    pub init_only_variables: &'static [&'static str],
    /// How its members agree; `None` where they need no majority, or it is not known.
    pub quorum: Option<Quorum>,
    /// Which of its servers know nothing of each other; `None` where they find each other by themselves, or it is not known.
    pub independent: Option<Independent>,
    /// On whose files its releases start.
    pub upgrades: Upgrades,
    /// Variables by which it lets everybody in.
    pub trust: &'static [Trust],
    /// Names of the server's programs and entrypoints, as they stand in a command line.
    pub programs: &'static [&'static str],
    /// Arguments that name the data directory; those that end in `=` carry it in the same word.
    pub directory_arguments: &'static [&'static str],
    /// Whether the image's own arguments name the directory, so that other arguments take it away.
    pub defaults_in_arguments: bool,
    /// How its servers are asked whether they serve, the best first; empty where one image runs different servers.
    pub readiness: &'static [Readiness],
    /// The images it comes in.
    pub images: &'static [Image],
}

/// An image of an engine, known by the last segment of its path.
#[derive(Debug)]
pub struct Image {
    /// The last path segment: `postgres`.
    pub segment: &'static str,
    /// Full paths on public registries that are this image: `docker.io/library/postgres`.
    pub repositories: &'static [&'static str],
    /// Its directories; `None` where they are not known.
    pub layout: Option<&'static Layout>,
    /// Overrules the engine's start-up: high-availability images order themselves.
    pub start_up: Option<StartUp>,
    /// How its servers are asked whether they serve, where the image has a way of its own; empty: as the engine's.
    pub readiness: &'static [Readiness],
}

/// Where an image keeps its data.
#[derive(Debug)]
pub struct Layout {
    /// By major version, the newest first: the entry of the highest `from` that is not above the major counts. An entry
    /// from 0 serves unknown majors too, if it is the only one.
    pub directories: &'static [Era],
    /// The variables that move the data directory, the strongest first.
    pub variables: &'static [&'static str],
    /// The subdirectory into which a safe fix may move the data, with the first major for which it may not.
    pub safe_subdirectory: Option<(&'static str, u32)>,
}

/// The directories from one major version on.
#[derive(Debug)]
pub struct Era {
    /// The first major.
    pub from: u32,
    /// The data directory; `{major}` stands for the major.
    pub directory: &'static str,
    /// The paths that the image declares as VOLUME.
    pub volumes: &'static [&'static str],
    /// Whether the first start breaks on `lost+found` in the data directory.
    pub lost_and_found_breaks: bool,
    /// A mount at this path is refused by the entrypoint while the data directory is the default.
    pub refuses_mount: Option<&'static str>,
}

impl Image {
    /// The same with a way of its own to be asked.
    const fn asked(self, readiness: &'static [Readiness]) -> Self {
        Self { readiness, ..self }
    }

    /// The server's major version in a tag; extensions' images name their own version first.
    pub(super) fn major(&self, tag: &str) -> Option<u32> {
        let found = super::image::major(tag)?;
        let extension = matches!(self.segment, "pgvector" | "timescaledb" | "timescaledb-ha");
        (!extension || tag.contains("pg")).then_some(found)
    }
}

impl Layout {
    /// The directories of a major version; `None` for an unknown one where it matters.
    pub fn era(&self, major: Option<u32>) -> Option<&Era> {
        match (major, self.directories) {
            (_, [only]) if only.from == 0 => Some(only),
            (Some(major), eras) => eras.iter().find(|era| era.from <= major),
            (None, _) => None,
        }
    }
}

/// All pages.
pub(super) static PAGES: &[&[Engine]] =
    &[postgresql::ENGINES, mysql::ENGINES, databases::ENGINES, search::ENGINES, brokers::ENGINES, stores::ENGINES];

/// Images whose last path segment is another one's: the full path, and the segment they have in the catalogue.
pub(super) static RENAMED: &[&[(&str, &str)]] = &[postgresql::RENAMED, mysql::RENAMED];

/// Last path segments of images that carry an engine's name and are no server of it: exporters, poolers, backup and
/// admin tools, operators, clients. A segment also counts when one of these words stands in it, set off by `-` or `_`.
pub(super) static NO_SERVER_WORDS: &[&str] = &[
    "exporter",
    "operator",
    "backup",
    "client",
    "pgbouncer",
    "pgpool",
    "pgadmin",
    "admin",
    "proxy",
    "router",
    "agent",
    "init",
    "restore",
    "migrate",
    "migrations",
    "shell",
    "tools",
    "ui",
    "console",
    "dashboard",
    "connect",
    "mirror",
    "bridge",
    "rest",
    "gateway",
    "sidecar",
    "monitor",
    "metrics",
    "manager",
    "cli",
    "setup",
    "reloader",
    "box",
    "pusher",
];

/// An engine with nothing known: pages fill in what is.
const UNKNOWN: Engine = Engine {
    id: "",
    title: "",
    grace_floor: None,
    start_up: StartUp::Any,
    finds_peers: FindsPeers::No,
    peer_questions: &[],
    database: false,
    password_variables: &[],
    init_only_variables: &[],
    quorum: None,
    independent: None,
    upgrades: Upgrades::Unknown,
    trust: &[],
    programs: &[],
    directory_arguments: &[],
    defaults_in_arguments: false,
    readiness: &[],
    images: &[],
};

/// An image of which only the engine is known.
const fn plain(segment: &'static str, repositories: &'static [&'static str]) -> Image {
    Image { segment, repositories, layout: None, start_up: None, readiness: &[] }
}

/// An image with a known layout.
const fn laid_out(segment: &'static str, repositories: &'static [&'static str], layout: &'static Layout) -> Image {
    Image { segment, repositories, layout: Some(layout), start_up: None, readiness: &[] }
}

/// A layout with one directory for all majors that tolerates `lost+found`.
const fn fixed(era: &'static [Era], variables: &'static [&'static str]) -> Layout {
    Layout { directories: era, variables, safe_subdirectory: None }
}

/// A directory that is the image's VOLUME too and tolerates `lost+found`.
const fn era(directory: &'static str, volumes: &'static [&'static str]) -> Era {
    Era { from: 0, directory, volumes, lost_and_found_breaks: false, refuses_mount: None }
}
