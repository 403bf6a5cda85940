//! An object that runs pods, with the database servers in it recognised once for all rules.

use std::ops::Deref;
use std::sync::Arc;

use crate::engines::{self, DataDirectory, Server, Start};
use crate::facts::{ConfigMapFacts, Lookup};
use crate::kubernetes::{Labels, RunsPods, Slot};

use super::context::Context;
use super::policy::Policy;

/// A StatefulSet or Deployment with the servers that its pods run.
pub struct Workload<'a, T> {
    object: &'a T,
    /// The containers that run a known server; the first is the main one.
    pub servers: Vec<Server<'a>>,
}

impl<T> Deref for Workload<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.object
    }
}

impl<'a, T: RunsPods> Workload<'a, T> {
    /// Recognises the servers in `object`.
    pub fn new(object: &'a T, policy: &Policy) -> Self {
        Self { object, servers: engines::servers(object.pod(), &policy.mirrors) }
    }

    /// The object itself, for as long as it lives.
    pub fn object(&self) -> &'a T {
        self.object
    }

    /// The main server, if a known one surely runs here; a script of unknown content may be anything.
    pub fn main(&self) -> Option<&Server<'a>> {
        self.servers.iter().find(|server| server.start != Start::UnknownScript)
    }

    /// The server that the object is about: its first container's, else one that keeps something on a claim template. An
    /// agent beside somebody's own server is none.
    pub fn leading(&self) -> Option<&Server<'a>> {
        let keeps = |server: &&Server<'_>| {
            let mut mounts = server.container.volume_mounts.iter();
            mounts.any(|mount| self.claim_templates().iter().any(|template| template.name() == mount.name))
        };
        let first = self.servers.iter().find(|server| server.slot == Slot::Container(0));
        first.or_else(|| self.servers.iter().find(keeps))
    }

    /// Whether losing its volumes would lose data: a claim template, a claim, or a data directory on the node.
    pub fn holds_data(&self) -> bool {
        engines::holds_data(self.pod(), self.claim_templates(), &self.servers)
    }
}

/// Where `server` keeps its data, ConfigMaps looked up through the context.
pub fn data_directory(server: &Server<'_>, cx: &Context<'_>) -> DataDirectory {
    server.data_directory(&|name| config_map(cx, name))
}

/// The ConfigMap's data as far as it is known; absent counts as unknown because it may come later.
pub fn config_map(cx: &Context<'_>, name: &str) -> Option<Arc<Labels>> {
    match cx.get::<ConfigMapFacts>(name) {
        Lookup::Found(map) => Some(Arc::clone(&map.data)),
        Lookup::Absent | Lookup::Unknown => None,
    }
}
