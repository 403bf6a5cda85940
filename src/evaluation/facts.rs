//! Facts beyond an object: the questions that rules ask, the answers, and how far they can be trusted.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::kubernetes::{Labels, StatefulSet};

/// What is known of something that was looked up. Unknown is neither absent nor fine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lookup<T> {
    /// It exists and is this.
    Found(T),
    /// It does not exist.
    Absent,
    /// Nobody could tell.
    Unknown,
}

/// A question that a rule asks about the cluster or about the other files.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Question {
    /// The Service of this name.
    Service {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
    },
    /// The StatefulSets whose `serviceName` is this Service.
    GovernedSets {
        /// The Service's and the sets' namespace.
        namespace: String,
        /// The Service's name.
        service: String,
    },
    /// The whole StatefulSet of this name (only ever read live: stores keep projections).
    StatefulSet {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
    },
    /// The claims that exist with the names a StatefulSet gives, `<template>-<set>-<ordinal>` for any ordinal
    /// (only ever read live).
    Claims {
        /// The set's namespace.
        namespace: String,
        /// The set's name.
        set: String,
        /// The claim template's name.
        template: String,
    },
    /// The PersistentVolumes reserved by `claimRef` for such claims.
    ReservedVolumes {
        /// The set's namespace.
        namespace: String,
        /// The set's name.
        set: String,
        /// The claim template's name.
        template: String,
    },
    /// The StorageClass of this name, or the default one.
    StorageClass {
        /// Its name; `None` asks for the cluster's default.
        name: Option<String>,
    },
    /// Whether this namespace is being deleted.
    NamespaceTerminating {
        /// Its name.
        name: String,
    },
    /// The ConfigMap of this name (answered from files only: in a cluster there are no rights on ConfigMaps).
    ConfigMap {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
    },
}

/// The answer to a [`Question`], of the kind the question asks for.
#[derive(Debug, Clone)]
pub enum Answer {
    /// To [`Question::Service`].
    Service(Lookup<Arc<ServiceFacts>>),
    /// To [`Question::GovernedSets`]; an empty list says that there are none.
    GovernedSets(Lookup<Vec<Arc<SetFacts>>>),
    /// To [`Question::StatefulSet`].
    StatefulSet(Lookup<Arc<StatefulSet>>),
    /// To [`Question::Claims`] and [`Question::ReservedVolumes`]: the names, sorted; empty when there are none.
    Names(Lookup<Vec<String>>),
    /// To [`Question::StorageClass`].
    StorageClass(Lookup<Arc<StorageClassFacts>>),
    /// To [`Question::NamespaceTerminating`].
    Terminating(Lookup<bool>),
    /// To [`Question::ConfigMap`]: its data.
    ConfigMap(Lookup<Arc<BTreeMap<String, String>>>),
}

/// How far an answer can be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// A store: it may only say that all is well; a finding that rests on it must be confirmed live.
    Store,
    /// A store whose answer could not be confirmed live: a finding that rests on it warns at most and says so.
    Unconfirmed,
    /// Read live just now, or from the files at hand: final.
    Final,
}

/// Facts that can be answered at once: stores in a cluster, the other documents in `check`.
pub trait Facts: Sync {
    /// The answer and its source, or `None` if this takes a live read.
    fn answer(&self, question: &Question) -> Option<(Answer, Source)>;
}

/// No facts at all: every question stays open.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoFacts;

impl Facts for NoFacts {
    fn answer(&self, _: &Question) -> Option<(Answer, Source)> {
        None
    }
}

/// Answers gathered by live reads (or marked unconfirmed when a read failed); they overrule [`Facts`].
pub type Answers = HashMap<Question, (Answer, Source)>;

/// How a Service's name is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Address {
    /// The pods' own addresses: type ClusterIP with `clusterIP: None`.
    Headless,
    /// One virtual IP.
    ClusterIp,
    /// One virtual IP and a port on every node.
    NodePort,
    /// One virtual IP and a load balancer.
    LoadBalancer,
    /// A CNAME to somewhere else.
    ExternalName,
}

impl Address {
    /// The words for it in a message.
    pub fn describe(self) -> &'static str {
        match self {
            Self::Headless => "headless",
            Self::ClusterIp => "a ClusterIP Service",
            Self::NodePort => "a NodePort Service",
            Self::LoadBalancer => "a LoadBalancer Service",
            Self::ExternalName => "an ExternalName Service",
        }
    }
}

/// What rules know of a Service: a projection small enough to keep ten thousand of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceFacts {
    /// How its name is answered.
    pub address: Address,
    /// The labels it selects by, sorted by key; empty when other software writes its endpoints.
    pub selector: Pairs,
    /// Whether pods are published before they are ready.
    pub publishes_not_ready: bool,
}

/// What rules know of a StatefulSet that a Service governs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetFacts {
    /// Its name.
    pub name: Box<str>,
    /// The `serviceName`, empty when unset.
    pub service_name: Box<str>,
    /// Wanted replicas.
    pub replicas: i32,
    /// The labels of its pod template, sorted by key.
    pub pod_labels: Pairs,
    /// Whether a controller owns it.
    pub owned: bool,
    /// Whether it is being deleted.
    pub deleting: bool,
    /// Whether its annotation exempts it from STS101 (`non-headless-service`), with a reason that is not blank.
    pub exempt_from_headless: bool,
}

/// What rules know of a StorageClass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StorageClassFacts {
    /// Its name.
    pub name: String,
    /// What makes its volumes.
    pub provisioner: String,
    /// The provisioner's parameters.
    pub parameters: Labels,
}

/// Labels in the least memory: sorted pairs in one allocation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pairs(Box<[(Box<str>, Box<str>)]>);

impl Pairs {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
    /// The pairs, sorted by key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (&**key, &**value))
    }
    /// The first pair that `labels` does not carry, `None` when all are carried (a selector is a subset, not an equal).
    pub fn missing_from<'a>(&'a self, labels: &Pairs) -> Option<(&'a str, &'a str)> {
        self.iter().find(|(key, value)| labels.get(key) != Some(value))
    }
    fn get(&self, key: &str) -> Option<&str> {
        self.0.binary_search_by(|(own, _)| (**own).cmp(key)).ok().map(|index| &*self.0[index].1)
    }
}

impl From<&Labels> for Pairs {
    fn from(labels: &Labels) -> Self {
        // A BTreeMap iterates in the order of its keys, which `get` relies on.
        Self(labels.iter().map(|(key, value)| (key.as_str().into(), value.as_str().into())).collect())
    }
}
