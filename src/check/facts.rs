//! What the other documents tell: Services, StatefulSets and ConfigMaps, the nearest definition first.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use super::input::File;
use super::object::{Entry, Object};
use super::outcome::Outcome;
use crate::evaluation::{Answer, Facts, Lookup, Question, ServiceFacts, SetFacts, Source};

/// Definitions by namespace and name, each with the index of its file.
type Defined<T> = HashMap<(String, String), Vec<(usize, Arc<T>)>>;

/// What all files together define.
#[derive(Debug, Default)]
pub struct Files<'t> {
    folders: Vec<Option<&'t Path>>,
    services: Defined<ServiceFacts>,
    config_maps: Defined<BTreeMap<String, String>>,
    sets: Vec<(String, Arc<SetFacts>)>,
    /// Whether every file was understood; if not, what is missing may stand in what was not.
    complete: bool,
    /// The names of Services of which only a part was seen.
    partial_services: HashSet<String>,
}

impl<'t> Files<'t> {
    /// Collects what the entries define; the outcome tells what was not understood.
    pub fn new(files: &'t [File], entries: &[Entry<'_>], outcome: &Outcome) -> Self {
        let folders = files.iter().map(|file| file.folder.as_deref()).collect();
        let partial_services = outcome.partial_services.clone();
        let mut facts = Self { folders, complete: outcome.is_complete(), partial_services, ..Self::default() };
        for entry in entries {
            let key = (entry.namespace.clone(), entry.identity.name.clone());
            match &entry.object {
                Object::Service(service) => {
                    let service = Arc::new(ServiceFacts::from(&**service));
                    facts.services.entry(key).or_default().push((entry.file, service));
                }
                Object::ConfigMap(data) => {
                    facts.config_maps.entry(key).or_default().push((entry.file, Arc::clone(data)));
                }
                Object::StatefulSet(set) => {
                    facts.sets.push((entry.namespace.clone(), Arc::new(SetFacts::from(&**set))));
                }
                Object::Deployment(_) => {}
            }
        }
        facts
    }

    /// The facts as an object in this file sees them.
    pub fn seen_from(&self, file: usize) -> View<'_> {
        View { files: self, file }
    }
}

/// The facts as an object in one file sees them.
#[derive(Debug, Clone, Copy)]
pub struct View<'f> {
    files: &'f Files<'f>,
    file: usize,
}

impl View<'_> {
    /// The same file counts first, then the same folder, then all; where definitions contradict each other, nothing is
    /// known.
    fn find<T: PartialEq>(&self, defined: &Defined<T>, namespace: &str, name: &str) -> Lookup<Arc<T>> {
        let Some(all) = defined.get(&(namespace.to_owned(), name.to_owned())) else {
            let missing = self.files.complete && !self.files.partial_services.contains(name);
            return if missing { Lookup::Absent } else { Lookup::Unknown };
        };
        let folder = |file: usize| self.files.folders.get(file).copied().flatten();
        let own = folder(self.file);
        let same_file = |file: usize| file == self.file;
        let same_folder = |file: usize| own.is_some() && folder(file) == own;
        let scopes: [&dyn Fn(usize) -> bool; 3] = [&same_file, &same_folder, &|_| true];
        for scope in scopes {
            let mut near = all.iter().filter(|(file, _)| scope(*file)).map(|(_, facts)| facts);
            if let Some(first) = near.next() {
                return if near.all(|other| other == first) {
                    Lookup::Found(Arc::clone(first))
                } else {
                    Lookup::Unknown
                };
            }
        }
        Lookup::Unknown
    }
}

impl Facts for View<'_> {
    fn answer(&self, question: &Question) -> Option<(Answer, Source)> {
        let answer = match question {
            Question::Service { namespace, name } => Answer::Service(self.find(&self.files.services, namespace, name)),
            Question::ConfigMap { namespace, name } => {
                Answer::ConfigMap(self.find(&self.files.config_maps, namespace, name))
            }
            Question::GovernedSets { namespace, service } => {
                let sets =
                    self.files.sets.iter().filter(|(own, set)| own == namespace && *set.service_name == **service);
                Answer::GovernedSets(Lookup::Found(sets.map(|(_, set)| Arc::clone(set)).collect()))
            }
            // Files do not show what a cluster holds.
            Question::StatefulSet { .. }
            | Question::Claims { .. }
            | Question::ReservedVolumes { .. }
            | Question::StorageClass { .. }
            | Question::NamespaceTerminating { .. } => return None,
        };
        Some((answer, Source::Final))
    }
}
