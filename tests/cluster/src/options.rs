//! What can be chosen about a cluster.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

/// What can be chosen about a cluster.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Images that stand for an executable of this machine: part of the image's name, path.
    pub images: Vec<(String, PathBuf)>,
    /// Images that stand for a script of this machine.
    pub scripts: Vec<Script>,
    /// Images (parts of their names, `*` for all others) whose containers are ready without a process.
    pub pretend_ready: Vec<String>,
    /// Whether a fresh claim holds `lost+found`, as an ext4 file system does.
    pub lost_and_found: bool,
    /// How long the service proxy takes to learn of a change.
    pub proxy_lag: Duration,
    /// Further arguments of kube-apiserver.
    pub api_server_arguments: Vec<String>,
}

/// An image that stands for a script of this machine: its containers see the system's programs too.
#[derive(Debug, Clone)]
pub struct Script {
    /// A part of the image's name.
    pub image: String,
    /// The image's entrypoint: executable, and its first line names the interpreter.
    pub entrypoint: PathBuf,
    /// Folders that are seen besides the system's, read-only.
    pub folders: Vec<PathBuf>,
    /// The variables that the image sets.
    pub environment: BTreeMap<String, String>,
}
