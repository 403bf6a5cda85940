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
    sets: Vec<(String, usize, Arc<SetFacts>)>,
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
                    facts.sets.push((entry.namespace.clone(), entry.file, Arc::new(SetFacts::from(&**set))));
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

/// How far a definition may be away.
#[derive(Clone, Copy)]
enum Scope {
    File,
    Folder,
    All,
}

/// The facts as an object in one file sees them.
#[derive(Debug, Clone, Copy)]
pub struct View<'f> {
    files: &'f Files<'f>,
    file: usize,
}

impl View<'_> {
    /// The same file counts first, then the same folder, then all that is nobody else's; where definitions contradict
    /// each other, nothing is known.
    fn find<T: PartialEq>(
        &self,
        defined: &Defined<T>,
        namespace: &str,
        name: &str,
        taken: impl Fn(usize, &T) -> bool,
    ) -> Lookup<Arc<T>> {
        let Some(all) = defined.get(&(namespace.to_owned(), name.to_owned())) else {
            let missing = self.files.complete && !self.files.partial_services.contains(name);
            return if missing { Lookup::Absent } else { Lookup::Unknown };
        };
        let folder = |file: usize| self.files.folders.get(file).copied().flatten();
        let own = folder(self.file);
        for scope in [Scope::File, Scope::Folder, Scope::All] {
            let mut near = all.iter().filter(|(file, facts)| match scope {
                Scope::File => *file == self.file,
                Scope::Folder => own.is_some() && folder(*file) == own,
                Scope::All => !taken(*file, facts),
            });
            if let Some((_, first)) = near.next() {
                return if near.all(|(_, other)| other == first) {
                    Lookup::Found(Arc::clone(first))
                } else {
                    Lookup::Unknown
                };
            }
        }
        Lookup::Unknown
    }

    /// Whether a Service in this file stands beside a set that names it or whose pods it selects: then it is that one's,
    /// and the same name here may be another application's (many projects checked together).
    fn has_its_own_set(&self, file: usize, facts: &ServiceFacts, namespace: &str, service: &str) -> bool {
        let folder = |file: usize| self.files.folders.get(file).copied().flatten();
        self.files.sets.iter().any(|(own, of, set)| {
            let beside = *of == file || (folder(file).is_some() && folder(*of) == folder(file));
            let selects = !facts.selector.is_empty() && facts.selector.missing_from(&set.pod_labels).is_none();
            beside && own == namespace && (*set.service_name == *service || selects)
        })
    }
}

impl Facts for View<'_> {
    fn answer(&self, question: &Question) -> Option<(Answer, Source)> {
        let answer = match question {
            Question::Service { namespace, name } => {
                let taken = |file, facts: &_| self.has_its_own_set(file, facts, namespace, name);
                Answer::Service(self.find(&self.files.services, namespace, name, taken))
            }
            Question::ConfigMap { namespace, name } => {
                Answer::ConfigMap(self.find(&self.files.config_maps, namespace, name, |_, _| false))
            }
            Question::GovernedSets { namespace, service } => {
                let sets =
                    self.files.sets.iter().filter(|(own, _, set)| own == namespace && *set.service_name == **service);
                Answer::GovernedSets(Lookup::Found(sets.map(|(_, _, set)| Arc::clone(set)).collect()))
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
