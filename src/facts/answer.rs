//! Answers, how complete they are, and how far they can be trusted.

use std::any::Any;
use std::collections::HashMap;
use std::sync::Arc;

use super::kind::Kind;
use super::question::Question;

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

impl<T> Lookup<T> {
    /// The same of what is made of it.
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Lookup<U> {
        match self {
            Self::Found(found) => Lookup::Found(change(found)),
            Self::Absent => Lookup::Absent,
            Self::Unknown => Lookup::Unknown,
        }
    }
}

/// How much of a list is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Completeness {
    /// Nothing.
    Unknown,
    /// What is in it exists; there may be more that could not be read.
    Partial,
    /// All of it.
    Whole,
}

/// The objects of a kind that somebody asked for.
#[derive(Debug, Clone)]
pub struct Listed<K> {
    /// Those that are known, in the order of their names.
    pub items: Vec<Arc<K>>,
    /// Whether there may be others.
    pub completeness: Completeness,
}

impl<K> Listed<K> {
    /// Whether it is certain that there is none.
    pub fn is_surely_empty(&self) -> bool {
        self.items.is_empty() && self.completeness == Completeness::Whole
    }
}

/// How far an answer can be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// A store: it may only say that all is well; what else rests on it must be confirmed live.
    Store,
    /// A store whose watch is broken: whatever it says must be read live first.
    Stale,
    /// A store whose answer could not be confirmed live: a finding that rests on it warns at most and says so, and no fix
    /// is made.
    Unconfirmed,
    /// Read live just now, proved current, or from the files at hand.
    Final,
}

/// A projection whose kind the question tells.
pub type Fact = Arc<dyn Any + Send + Sync>;

/// The names and projections of a list, as live reads bring them.
pub type Items<K> = Vec<(Box<str>, Arc<K>)>;

/// What a live read has told.
#[derive(Debug, Clone)]
pub enum Answer {
    /// One object: a projection of the question's kind.
    Get(Lookup<Fact>),
    /// All objects: [`Items`] of the question's kind.
    List(Fact, Completeness),
    /// The store's own answer counts, and this is how far it can be trusted by now.
    Stored(Source),
}

/// What live reads have told; it overrules [`Facts`].
pub type Answers = HashMap<Question, Answer>;

/// Facts that can be answered at once: stores in a cluster, the other documents in `check`.
pub trait Facts: Sync {
    /// One object, or `None` if this takes a live read.
    fn get(&self, question: &Question) -> Option<(Lookup<Fact>, Source)>;

    /// Shows each object with its name, as `Arc<K>` of the question's kind; `None` if this takes a live read.
    ///
    /// The objects come one by one, so that a caller who wants few of many copies only those.
    fn list(&self, question: &Question, each: &mut dyn FnMut(&str, &dyn Any)) -> Option<(Completeness, Source)>;
}

/// No facts at all: every question stays open.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoFacts;

impl Facts for NoFacts {
    fn get(&self, _: &Question) -> Option<(Lookup<Fact>, Source)> {
        None
    }

    fn list(&self, _: &Question, _: &mut dyn FnMut(&str, &dyn Any)) -> Option<(Completeness, Source)> {
        None
    }
}

impl Answer {
    /// The answer to a Get.
    pub fn got<K: Kind>(found: Lookup<K>) -> Self {
        Self::Get(found.map(|fact| Arc::new(fact) as Fact))
    }

    /// The answer to a List.
    pub fn listed<K: Kind>(items: Items<K>, completeness: Completeness) -> Self {
        Self::List(Arc::new(items), completeness)
    }
}
