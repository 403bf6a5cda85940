//! What a rule may know beyond its object: cluster facts as three-valued lookups, each question recorded.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::facts::{Answer, Answers, Facts, Lookup, Question, ServiceFacts, SetFacts, Source, StorageClassFacts};
use crate::kubernetes::StatefulSet;
use crate::policy::Policy;

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
