//! What the other documents tell: for each kind of the table that files show, the nearest definition of a name.

mod contradictions;
mod neighbours;

use std::any::Any;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use self::neighbours::Neighbours;
use super::input::File;
use super::object::Entry;
use super::outcome::{Outcome, Remark};
use crate::facts::{
    Completeness, Fact, Facts, Kind, KindVisitor, Lookup, Question, Resource, SetFacts, Source, each_kind,
};

/// What all files together define.
pub struct Files {
    /// The folder of each file, by number; none for standard input.
    folders: Vec<Option<usize>>,
    kinds: HashMap<&'static Resource, Box<dyn Defining>>,
    /// Whether every file was understood; if not, what is missing may stand in what was not.
    complete: bool,
    /// The names of Services of which only a part was seen.
    partial_services: HashSet<String>,
    /// What was asked for, while its nearest definitions contradict each other.
    contradicted: Mutex<BTreeSet<Question>>,
}

/// The definitions of any kind.
trait Defining: Send + Sync {
    /// The definition that an object in this file means.
    fn find(&self, namespace: &str, name: &str, file: usize, folder: Option<usize>) -> Option<Definite>;
    /// Shows each definition of a namespace as `Arc<K>`.
    fn each(&self, namespace: &str, show: &mut dyn FnMut(&str, &dyn Any));
}

/// What the definitions of a name come to.
enum Definite {
    One(Fact),
    /// The nearest ones differ.
    Contradicted,
    /// All belong to other applications.
    Others,
}

/// The definitions of one kind.
struct Definitions<K> {
    names: HashMap<(String, String), Named<K>>,
    namespaces: HashMap<String, Vec<(String, Arc<K>)>>,
}

/// The definitions of one name.
struct Named<K> {
    files: HashMap<usize, Agreed<K>>,
    folders: HashMap<usize, Agreed<K>>,
    /// Those that are nobody else's.
    all: Option<Agreed<K>>,
}

/// One definition, or several that say the same or not.
struct Agreed<K> {
    first: Arc<K>,
    agree: bool,
}

impl<K: Kind> Agreed<K> {
    fn add(group: &mut Option<Self>, fact: &Arc<K>) {
        match group {
            Some(group) => group.agree &= group.first == *fact,
            None => *group = Some(Self { first: Arc::clone(fact), agree: true }),
        }
    }

    fn definite(&self) -> Definite {
        if self.agree { Definite::One(Arc::clone(&self.first) as Fact) } else { Definite::Contradicted }
    }
}

/// One definition and where it stands.
struct Definition<K> {
    namespace: String,
    name: String,
    file: usize,
    folder: Option<usize>,
    fact: Arc<K>,
    /// Whether it belongs to an application of its own: the same name elsewhere means another one.
    taken: bool,
}

impl<K: Kind> Definitions<K> {
    fn new(definitions: Vec<Definition<K>>) -> Self {
        let mut this = Self { names: HashMap::new(), namespaces: HashMap::new() };
        for Definition { namespace, name, file, folder, fact, taken } in definitions {
            this.namespaces.entry(namespace.clone()).or_default().push((name.clone(), Arc::clone(&fact)));
            let named = this.names.entry((namespace, name)).or_insert_with(|| Named {
                files: HashMap::new(),
                folders: HashMap::new(),
                all: None,
            });
            let add = |group: &mut HashMap<usize, Agreed<K>>, number| match group.entry(number) {
                std::collections::hash_map::Entry::Occupied(mut group) => {
                    group.get_mut().agree &= group.get().first == fact;
                }
                std::collections::hash_map::Entry::Vacant(group) => {
                    group.insert(Agreed { first: Arc::clone(&fact), agree: true });
                }
            };
            add(&mut named.files, file);
            if let Some(folder) = folder {
                add(&mut named.folders, folder);
            }
            if !taken {
                Agreed::add(&mut named.all, &fact);
            }
        }
        this
    }
}

impl<K: Kind> Defining for Definitions<K> {
    /// The same file counts first, then the same folder, then all that is nobody else's; where definitions contradict each
    /// other, nothing is known.
    fn find(&self, namespace: &str, name: &str, file: usize, folder: Option<usize>) -> Option<Definite> {
        let named = self.names.get(&(namespace.to_owned(), name.to_owned()))?;
        let near = named.files.get(&file).or_else(|| named.folders.get(&folder?)).or(named.all.as_ref());
        Some(near.map_or(Definite::Others, Agreed::definite))
    }

    fn each(&self, namespace: &str, show: &mut dyn FnMut(&str, &dyn Any)) {
        for (name, fact) in self.namespaces.get(namespace).into_iter().flatten() {
            show(name, fact);
        }
    }
}

impl Files {
    /// Collects what the entries define; the outcome tells what was not understood.
    pub fn new(files: &[File], entries: &[Entry<'_>], outcome: &Outcome) -> Self {
        let folders = numbered(files);
        let sets = definitions::<SetFacts>(entries, &folders);
        let mut collecting =
            Collecting { entries, folders: &folders, neighbours: Neighbours::of(&sets), kinds: HashMap::new() };
        each_kind(&mut collecting);
        let kinds = collecting.kinds;
        let partial_services = outcome.partial_services.clone();
        let contradicted = Mutex::default();
        Self { folders, kinds, complete: outcome.is_complete(), partial_services, contradicted }
    }

    /// The facts as an object in this file sees them.
    pub fn seen_from(&self, file: usize) -> View<'_> {
        View { files: self, file }
    }

    /// Says of what was asked for that nothing is known of it, since the files define it in several ways.
    pub fn contradictions(&self, files: &[File], entries: &[Entry<'_>]) -> Vec<Remark> {
        let contradicted = self.contradicted.lock().unwrap_or_else(PoisonError::into_inner);
        contradictions::remarks(&contradicted, files, entries)
    }
}

/// The number of each file's folder.
fn numbered(files: &[File]) -> Vec<Option<usize>> {
    let mut numbers = HashMap::<&Path, usize>::new();
    let folders = files.iter().map(|file| {
        let folder = file.folder.as_deref()?;
        let next = numbers.len();
        Some(*numbers.entry(folder).or_insert(next))
    });
    folders.collect()
}

/// What the entries define of one kind.
fn definitions<K: Kind>(entries: &[Entry<'_>], folders: &[Option<usize>]) -> Vec<Definition<K>> {
    let define = |entry: &Entry<'_>| {
        let (_, fact) = entry.fact.as_ref().filter(|(resource, _)| *resource == K::RESOURCE)?;
        Some(Definition {
            namespace: Question::list::<K>(&entry.namespace).namespace,
            name: entry.identity.name.clone(),
            file: entry.file,
            folder: folders[entry.file],
            fact: Arc::clone(fact).downcast().ok()?,
            taken: false,
        })
    };
    entries.iter().filter_map(define).collect()
}

/// Collects the definitions of each kind that files tell of.
struct Collecting<'e> {
    entries: &'e [Entry<'e>],
    folders: &'e [Option<usize>],
    neighbours: Neighbours<'e>,
    kinds: HashMap<&'static Resource, Box<dyn Defining>>,
}

impl KindVisitor for Collecting<'_> {
    fn visit<K: Kind>(&mut self) {
        if !K::RESOURCE.files {
            return;
        }
        let mut definitions = definitions::<K>(self.entries, self.folders);
        for definition in &mut definitions {
            definition.taken = self.neighbours.claim(definition);
        }
        self.kinds.insert(K::RESOURCE, Box::new(Definitions::new(definitions)));
    }
}

/// The facts as an object in one file sees them.
#[derive(Clone, Copy)]
pub struct View<'f> {
    files: &'f Files,
    file: usize,
}

impl Facts for View<'_> {
    fn get(&self, question: &Question) -> Option<(Lookup<Fact>, Source)> {
        // What is not in the table of files stands in a cluster alone.
        let definitions = self.files.kinds.get(question.resource)?;
        let name = question.name.as_deref()?;
        let found = match definitions.find(&question.namespace, name, self.file, self.files.folders[self.file]) {
            Some(Definite::One(fact)) => Lookup::Found(fact),
            Some(Definite::Contradicted) => {
                let mut contradicted = self.files.contradicted.lock().unwrap_or_else(PoisonError::into_inner);
                contradicted.insert(question.clone());
                Lookup::Unknown
            }
            None if self.files.complete && !self.files.partial_services.contains(name) => Lookup::Absent,
            Some(Definite::Others) | None => Lookup::Unknown,
        };
        Some((found, Source::Final))
    }

    fn list(&self, question: &Question, each: &mut dyn FnMut(&str, &dyn Any)) -> Option<(Completeness, Source)> {
        self.files.kinds.get(question.resource)?.each(&question.namespace, each);
        Some((if self.files.complete { Completeness::Whole } else { Completeness::Partial }, Source::Final))
    }
}
