//! What a rule may know beyond its object: cluster facts as three-valued lookups, each question recorded.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use crate::kubernetes::{Labels, StatefulSet};
use crate::policy::Policy;

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

/// Why an object is being looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Occasion {
    /// It is being created in a cluster.
    Create,
    /// It is being changed in a cluster, by an update or a scale.
    Update,
    /// It is being deleted from a cluster.
    Delete,
    /// It stands in a file.
    Check,
    /// It stands in a cluster and nobody touches it.
    Audit,
}

/// What a rule may know beyond its object.
///
/// Each method records its question, so that the caller knows what a finding rests on and what is still open.
pub struct Context<'a> {
    /// The policy.
    pub policy: &'a Policy,
    /// Why the object is looked at.
    pub occasion: Occasion,
    /// The object's namespace.
    pub namespace: &'a str,
    /// Only rules whose fixes may be made are of interest.
    pub(super) fixes_only: bool,
    facts: &'a dyn Facts,
    answers: &'a Answers,
    asked: RefCell<Vec<(Question, Source)>>,
    open: RefCell<Vec<Question>>,
}

impl<'a> Context<'a> {
    /// A context for one object.
    pub fn new(
        policy: &'a Policy,
        occasion: Occasion,
        namespace: &'a str,
        facts: &'a dyn Facts,
        answers: &'a Answers,
    ) -> Self {
        let (asked, open) = (RefCell::default(), RefCell::default());
        Self { policy, occasion, namespace, fixes_only: false, facts, answers, asked, open }
    }

    /// Runs only the rules whose safe fixes the policy allows: all that `/mutate` is interested in.
    #[must_use]
    pub fn fixes_only(mut self) -> Self {
        self.fixes_only = true;
        self
    }

    /// The Service of this name in the object's namespace.
    pub fn service(&self, name: &str) -> Lookup<Arc<ServiceFacts>> {
        match self.ask(Question::Service { namespace: self.namespace.to_owned(), name: name.to_owned() }) {
            Some(Answer::Service(found)) => found,
            _ => Lookup::Unknown,
        }
    }

    /// The StatefulSets in the object's namespace whose `serviceName` is `service`.
    pub fn governed_sets(&self, service: &str) -> Lookup<Vec<Arc<SetFacts>>> {
        let question = Question::GovernedSets { namespace: self.namespace.to_owned(), service: service.to_owned() };
        match self.ask(question) {
            Some(Answer::GovernedSets(found)) => found,
            _ => Lookup::Unknown,
        }
    }

    /// The whole StatefulSet of this name in the object's namespace.
    pub fn stateful_set(&self, name: &str) -> Lookup<Arc<StatefulSet>> {
        match self.ask(Question::StatefulSet { namespace: self.namespace.to_owned(), name: name.to_owned() }) {
            Some(Answer::StatefulSet(found)) => found,
            _ => Lookup::Unknown,
        }
    }

    /// The names of the claims that exist for a set's claim template.
    pub fn claims(&self, set: &str, template: &str) -> Lookup<Vec<String>> {
        let namespace = self.namespace.to_owned();
        self.names(Question::Claims { namespace, set: set.to_owned(), template: template.to_owned() })
    }

    /// The names of the PersistentVolumes reserved for a set's claim template.
    pub fn reserved_volumes(&self, set: &str, template: &str) -> Lookup<Vec<String>> {
        let namespace = self.namespace.to_owned();
        self.names(Question::ReservedVolumes { namespace, set: set.to_owned(), template: template.to_owned() })
    }

    /// The StorageClass of this name, or the cluster's default one.
    pub fn storage_class(&self, name: Option<&str>) -> Lookup<Arc<StorageClassFacts>> {
        match self.ask(Question::StorageClass { name: name.map(str::to_owned) }) {
            Some(Answer::StorageClass(found)) => found,
            _ => Lookup::Unknown,
        }
    }

    /// Whether the object's namespace is being deleted.
    pub fn namespace_terminating(&self) -> Lookup<bool> {
        match self.ask(Question::NamespaceTerminating { name: self.namespace.to_owned() }) {
            Some(Answer::Terminating(found)) => found,
            _ => Lookup::Unknown,
        }
    }

    /// The data of the ConfigMap of this name, as far as files show it.
    pub fn config_map(&self, name: &str) -> Lookup<Arc<BTreeMap<String, String>>> {
        match self.ask(Question::ConfigMap { namespace: self.namespace.to_owned(), name: name.to_owned() }) {
            Some(Answer::ConfigMap(found)) => found,
            _ => Lookup::Unknown,
        }
    }

    /// The questions asked since the last call of this method, with the sources of their answers.
    pub(super) fn take_asked(&self) -> Vec<(Question, Source)> {
        self.asked.take()
    }

    /// The questions asked so far and not yet taken.
    pub(super) fn asked(&self) -> Vec<(Question, Source)> {
        self.asked.borrow().clone()
    }

    /// The questions that had no answer, sorted, each once.
    pub(super) fn into_open(self) -> Vec<Question> {
        let mut open = self.open.into_inner();
        open.sort();
        open.dedup();
        open
    }

    fn names(&self, question: Question) -> Lookup<Vec<String>> {
        match self.ask(question) {
            Some(Answer::Names(found)) => found,
            _ => Lookup::Unknown,
        }
    }

    fn ask(&self, question: Question) -> Option<Answer> {
        let answer = self.answers.get(&question).cloned().or_else(|| self.facts.answer(&question));
        if let Some((answer, source)) = answer {
            self.asked.borrow_mut().push((question, source));
            Some(answer)
        } else {
            self.open.borrow_mut().push(question);
            None
        }
    }
}
