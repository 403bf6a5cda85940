//! Facts held in memory, for tests and benchmarks: whatever kinds the table has.

use std::any::Any;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde::Deserialize as _;
use serde_json::Value;

use super::answer::{Completeness, Fact, Facts, Lookup, Source};
use super::each_kind;
use super::kind::{Kind, KindVisitor, Resource};
use super::question::Question;

/// Objects by kind and namespace; of a kind that is not known at all, questions stay open.
#[derive(Default)]
pub struct InMemory {
    known: HashMap<&'static Resource, HashMap<String, BTreeMap<String, Held>>>,
}

struct Held {
    fact: Fact,
    /// The same as `Arc<K>`.
    shown: Box<dyn Any + Send + Sync>,
}

impl InMemory {
    /// Also knows all objects of this kind, and that there is none so far.
    #[must_use]
    pub fn knowing<K: Kind>(mut self) -> Self {
        self.known.entry(K::RESOURCE).or_default();
        self
    }

    /// Also knows all objects of each kind that files tell of, and that there is none so far.
    #[must_use]
    pub fn knowing_what_files_tell(mut self) -> Self {
        each_kind(&mut self);
        self
    }

    /// Also knows this object, and all others of its kind.
    #[must_use]
    pub fn with<K: Kind>(mut self, namespace: &str, name: &str, fact: K) -> Self {
        self.put(namespace, name, fact);
        self
    }

    /// Also knows a manifest as every kind of the table that is made from it. An object without a namespace is put into
    /// this one.
    ///
    /// # Errors
    /// A manifest that is no object of its kind.
    pub fn put_manifest(&mut self, namespace: &str, manifest: &Value) -> Result<(), serde_json::Error> {
        let mut putting = Putting { into: self, namespace, manifest, failed: None };
        each_kind(&mut putting);
        putting.failed.map_or(Ok(()), Err)
    }

    fn put<K: Kind>(&mut self, namespace: &str, name: &str, fact: K) {
        // A question about a kind that lives in no namespace names none.
        let namespace = Question::list::<K>(namespace).namespace;
        let fact = Arc::new(fact);
        let held = Held { fact: Arc::clone(&fact) as Fact, shown: Box::new(fact) };
        self.known.entry(K::RESOURCE).or_default().entry(namespace).or_default().insert(name.to_owned(), held);
    }
}

impl KindVisitor for InMemory {
    fn visit<K: Kind>(&mut self) {
        if K::RESOURCE.files {
            self.known.entry(K::RESOURCE).or_default();
        }
    }
}

/// A manifest on its way into every kind that is made from it.
struct Putting<'p> {
    into: &'p mut InMemory,
    namespace: &'p str,
    manifest: &'p Value,
    failed: Option<serde_json::Error>,
}

impl KindVisitor for Putting<'_> {
    fn visit<K: Kind>(&mut self) {
        let text =
            |pointer: &str| self.manifest.pointer(pointer).and_then(Value::as_str).filter(|text| !text.is_empty());
        if text("/kind") != Some(K::RESOURCE.kind) {
            return;
        }
        let (namespace, name) = (text("/metadata/namespace"), text("/metadata/name"));
        let (namespace, name) = (namespace.unwrap_or(self.namespace), name.unwrap_or_default());
        match K::Wire::deserialize(self.manifest) {
            Ok(wire) => self.into.put(namespace, name, K::from(&wire)),
            Err(error) => self.failed = Some(error),
        }
    }
}

impl Facts for InMemory {
    fn get(&self, question: &Question) -> Option<(Lookup<Fact>, Source)> {
        let objects = self.known.get(question.resource)?.get(&question.namespace);
        let found = objects.and_then(|objects| objects.get(question.name.as_deref()?));
        Some((found.map_or(Lookup::Absent, |held| Lookup::Found(Arc::clone(&held.fact))), Source::Final))
    }

    fn list(&self, question: &Question, each: &mut dyn FnMut(&str, &dyn Any)) -> Option<(Completeness, Source)> {
        for (name, held) in self.known.get(question.resource)?.get(&question.namespace).into_iter().flatten() {
            each(name, &*held.shown);
        }
        Some((Completeness::Whole, Source::Final))
    }
}
