//! What a rule may know beyond its object: cluster facts as three-valued lookups, each question recorded.

use std::any::Any;
use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::sync::Arc;

use time::Date;

use super::occasion::Occasion;
use super::policy::Policy;
use crate::facts::{
    Answer, Answers, Completeness, Facts, Items, Kind, Listed, Lookup, NamespaceFacts, Question, Source,
};

/// Of how many objects that a store shows each is read again by itself; of more, all of the kind are.
const CONFIRMED_ONE_BY_ONE: usize = 8;

/// A question and how far its answer can be trusted.
pub type Asked = (Question, Source);

/// What a rule may know beyond its object.
///
/// Each method records its question, so that a finding and a fix know what they rest on, and the caller what is open.
pub struct Context<'a> {
    /// The policy, as it counts in the object's namespace.
    pub policy: Cow<'a, Policy>,
    /// Why the object is looked at.
    pub occasion: Occasion,
    /// The object's namespace.
    pub namespace: &'a str,
    /// The day (UTC), where exemptions may have expired.
    pub today: Option<Date>,
    /// Only rules whose fixes may be made are of interest.
    fixes_only: Cell<bool>,
    facts: &'a dyn Facts,
    answers: &'a Answers,
    asked: RefCell<Vec<Asked>>,
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
        let policy = Cow::Borrowed(policy);
        Self { policy, occasion, namespace, today: None, fixes_only: Cell::new(false), facts, answers, asked, open }
    }

    /// On this day (UTC).
    #[must_use]
    pub fn on(mut self, today: Option<Date>) -> Self {
        self.today = today;
        self
    }

    /// Takes what the policy says of the object's namespace, and returns the questions that this rests on.
    pub(crate) fn enter_namespace(&mut self) -> Vec<Asked> {
        let asks = self.policy.asks_for_labels(self.namespace);
        let found = if asks { self.get::<NamespaceFacts>(self.namespace) } else { Lookup::Unknown };
        let labels = match &found {
            Lookup::Found(namespace) => Some(&namespace.labels),
            Lookup::Absent | Lookup::Unknown => None,
        };
        if let Some(policy) = self.policy.within(self.namespace, labels) {
            self.policy = Cow::Owned(policy);
        }
        self.take_asked()
    }

    /// Runs only the rules whose safe fixes the policy allows: all that `/mutate` is interested in.
    #[must_use]
    pub fn fixes_only(self) -> Self {
        self.fixes_only.set(true);
        self
    }

    /// Whether only rules whose fixes may be made are of interest.
    pub fn is_fixes_only(&self) -> bool {
        self.fixes_only.get()
    }

    /// The object of this kind and name, in the object's namespace where such objects live in one.
    pub fn get<K: Kind>(&self, name: &str) -> Lookup<Arc<K>> {
        let question = Question::get::<K>(self.namespace, name);
        let (found, source) = match self.answers.get(&question) {
            Some(Answer::Get(found)) => (found.clone(), Source::Final),
            Some(Answer::Stored(source)) => match self.facts.get(&question) {
                Some((found, _)) => (found, *source),
                None => (Lookup::Unknown, Source::Final),
            },
            // A List answers no Get.
            Some(Answer::List(..)) => (Lookup::Unknown, Source::Final),
            None => match self.facts.get(&question) {
                Some(answer) => answer,
                None => {
                    self.open.borrow_mut().push(question);
                    return Lookup::Unknown;
                }
            },
        };
        self.record(question, source);
        match found {
            Lookup::Found(fact) => fact.downcast().map_or(Lookup::Unknown, Lookup::Found),
            Lookup::Absent => Lookup::Absent,
            Lookup::Unknown => Lookup::Unknown,
        }
    }

    /// All objects of this kind that are `wanted`, of the object's namespace where such objects live in one.
    ///
    /// `wanted` must choose just those that a finding speaks of, or whose absence it rests on: a few that a store shows
    /// are confirmed one by one, and that there is none is confirmed by reading all.
    pub fn list<K: Kind>(&self, wanted: impl Fn(&K) -> bool) -> Listed<K> {
        let question = Question::list::<K>(self.namespace);
        let unknown = || Listed { items: Vec::new(), completeness: Completeness::Unknown };
        let read = match self.answers.get(&question) {
            Some(Answer::List(items, completeness)) => {
                self.record(question, Source::Final);
                let Some(items) = items.downcast_ref::<Items<K>>() else { return unknown() };
                let mut wanted: Items<K> = items.iter().filter(|(_, fact)| wanted(fact)).cloned().collect();
                wanted.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
                return Listed {
                    items: wanted.into_iter().map(|(_, fact)| fact).collect(),
                    completeness: *completeness,
                };
            }
            Some(Answer::Stored(source)) => Some(*source),
            Some(Answer::Get(_)) => return unknown(),
            None => None,
        };
        let mut shown: Items<K> = Vec::new();
        let mut each = |name: &str, fact: &dyn Any| {
            if let Some(fact) = fact.downcast_ref::<Arc<K>>().filter(|fact| wanted(fact)) {
                shown.push((name.into(), Arc::clone(fact)));
            }
        };
        let Some((completeness, stored)) = self.facts.list(&question, &mut each) else {
            if read.is_none() {
                self.open.borrow_mut().push(question);
            }
            return unknown();
        };
        shown.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        let items = match read.unwrap_or(stored) {
            Source::Store if K::RESOURCE.get && !shown.is_empty() && shown.len() <= CONFIRMED_ONE_BY_ONE => {
                let confirmed: Vec<_> =
                    shown.iter().filter_map(|(name, fact)| self.confirmed(name, fact, &wanted)).collect();
                if confirmed.is_empty() {
                    self.record(question, Source::Store);
                }
                confirmed
            }
            source => {
                self.record(question, source);
                shown.into_iter().map(|(_, fact)| fact).collect()
            }
        };
        Listed { items, completeness }
    }

    /// An object that a store's list shows, as a live read has found it, if there was one and it is still wanted.
    fn confirmed<K: Kind>(&self, name: &str, stored: &Arc<K>, wanted: &impl Fn(&K) -> bool) -> Option<Arc<K>> {
        let question = Question::get::<K>(self.namespace, name);
        let (fact, source) = match self.answers.get(&question) {
            Some(Answer::Get(Lookup::Found(fact))) => (Arc::clone(fact).downcast().ok()?, Source::Final),
            Some(Answer::Get(Lookup::Absent)) => return None,
            Some(Answer::Stored(source)) => (Arc::clone(stored), *source),
            Some(Answer::Get(Lookup::Unknown) | Answer::List(..)) => (Arc::clone(stored), Source::Unconfirmed),
            None => (Arc::clone(stored), Source::Store),
        };
        if !wanted(&fact) {
            return None;
        }
        self.record(question, source);
        Some(fact)
    }

    /// Whether the object's namespace is being deleted.
    pub fn namespace_terminates(&self) -> Lookup<bool> {
        // An object without its namespace has not been seen in full.
        match self.get::<NamespaceFacts>(self.namespace) {
            Lookup::Found(namespace) => Lookup::Found(namespace.terminating),
            Lookup::Absent | Lookup::Unknown => Lookup::Unknown,
        }
    }

    /// The questions asked since the last call of this method.
    pub(crate) fn take_asked(&self) -> Vec<Asked> {
        self.asked.take()
    }

    /// The questions asked so far and not yet taken.
    pub(super) fn asked(&self) -> Vec<Asked> {
        self.asked.borrow().clone()
    }

    /// How many questions are open.
    pub(crate) fn opened(&self) -> usize {
        self.open.borrow().len()
    }

    /// Also reads live what has been answered by a store alone since the questions were last taken: something waits for
    /// an open question, and would rest on these as well.
    pub(crate) fn confirm_asked(&self) {
        let asked = self.asked.borrow();
        let stored = asked.iter().filter(|(_, source)| *source == Source::Store);
        self.open.borrow_mut().extend(stored.map(|(question, _)| question.clone()));
    }

    /// The questions that had no answer, sorted, each once.
    pub(crate) fn into_open(self) -> Vec<Question> {
        let mut open = self.open.into_inner();
        open.sort();
        open.dedup();
        open
    }

    fn record(&self, question: Question, source: Source) {
        if source == Source::Stale {
            self.open.borrow_mut().push(question.clone());
        }
        self.asked.borrow_mut().push((question, source));
    }
}
