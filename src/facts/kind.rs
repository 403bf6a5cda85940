//! What a kind of fact is: a small projection of an object, and how it can be asked for.

use std::fmt::Debug;

use serde::de::DeserializeOwned;

/// A projection of one kind of object: what rules may know of it, small enough to keep ten thousand of.
pub trait Kind: for<'w> From<&'w Self::Wire> + Clone + Debug + PartialEq + Send + Sync + 'static {
    /// The part of the object that the projection is made from.
    type Wire: DeserializeOwned;
    /// Which objects these are, and how questions about them are answered.
    const RESOURCE: &'static Resource;
}

/// Something that is done for every kind.
pub trait KindVisitor {
    /// Does it for one kind.
    fn visit<K: Kind>(&mut self);
}

/// Objects of one kind, and how questions about them are answered in a cluster.
#[derive(Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Resource {
    /// The kind.
    pub kind: &'static str,
    /// The API group, empty for the core; the version is always v1.
    pub group: &'static str,
    /// The resource in paths, and its name in metrics.
    pub plural: &'static str,
    /// Where such objects live.
    pub scope: Scope,
    /// Whether a store keeps all of them.
    pub stored: bool,
    /// Whether one of them can be read live.
    pub get: bool,
    /// Whether all of them can be read live, in pages.
    pub list: Option<LiveList>,
    /// Whether files tell of them: what a cluster makes of itself stands in none.
    pub files: bool,
}

/// Where objects live.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scope {
    /// In a namespace.
    Namespaced,
    /// In the cluster.
    Cluster,
}

/// How all objects of a kind (and of a namespace, where they live in one) are read live.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LiveList {
    /// How many objects a page holds; a page must fit into two MiB.
    pub page: u32,
    /// Whether metadata is all that is read.
    pub metadata_only: bool,
    /// Of how many objects in the store at most all are read again; of more, the store is proved current instead.
    pub at_most: u64,
}

impl Resource {
    /// Whether a cluster can answer questions about this kind at all.
    pub fn is_in_clusters(&self) -> bool {
        self.stored || self.get || self.list.is_some()
    }

    /// The verbs that answering questions about this kind takes in a cluster.
    pub fn verbs(&self) -> impl Iterator<Item = &'static str> {
        let verbs = [("get", self.get), ("list", self.stored || self.list.is_some()), ("watch", self.stored)];
        verbs.into_iter().filter(|(_, needed)| *needed).map(|(verb, _)| verb)
    }

    /// The path of the collection on the API server, for a namespace where such objects live in one.
    pub fn path(&self, namespace: &str) -> String {
        let root = if self.group.is_empty() { "/api/v1".to_owned() } else { format!("/apis/{}/v1", self.group) };
        match self.scope {
            Scope::Namespaced => format!("{root}/namespaces/{namespace}/{}", self.plural),
            Scope::Cluster => format!("{root}/{}", self.plural),
        }
    }
}
