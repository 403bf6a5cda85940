//! From documents to typed objects: Lists opened, partial and foreign objects passed over, mismatches told.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::rc::Rc;

use serde_json::Value;

use super::content::{Content, Object, Skip};
use super::input::File;
use super::origin::{Origin, remark};
use super::outcome::{Identity, Outcome, Remark};
use crate::facts::{Fact, Resource};
use crate::pointer::Pointer;
use crate::rule::Occasion;
use crate::yaml::{self, Document};

/// An object and where it stands.
#[derive(Debug)]
pub struct Entry<'t> {
    /// The index of its file.
    pub file: usize,
    /// Its document.
    pub document: Document<'t>,
    /// Its pointer in the document: not the root inside a List.
    pub prefix: Pointer,
    /// Its namespace, the default filled in.
    pub namespace: String,
    /// Which one it is.
    pub identity: Rc<Identity>,
    /// Whether it is yet to be created, or exists and is shown as a cluster has it.
    pub occasion: Occasion,
    /// The object, if it is one that is judged.
    pub object: Option<Object>,
    /// What it tells about those that are: a projection, and of which kind of the table.
    pub fact: Option<(&'static Resource, Fact)>,
}

/// Reads all documents of all files.
pub fn entries<'t>(files: &'t [File], namespace: &str, outcome: &mut Outcome) -> Vec<Entry<'t>> {
    let mut reading = Reading { namespace, outcome, entries: Vec::new(), charts: BTreeSet::new() };
    for (index, file) in files.iter().enumerate() {
        reading.file(index, file);
    }
    reading.entries
}

struct Reading<'t, 'o> {
    namespace: &'o str,
    outcome: &'o mut Outcome,
    entries: Vec<Entry<'t>>,
    /// Charts whose templates have been passed over already.
    charts: BTreeSet<String>,
}

impl<'t> Reading<'t, '_> {
    fn file(&mut self, index: usize, file: &'t File) {
        if file.is_helm_template() {
            self.outcome.passed_over = true;
            let templates = file.chart().map(|chart| chart.join("templates").display().to_string()).unwrap_or_default();
            if self.charts.insert(templates.clone()) {
                let message = "helm templates are passed over; check the output of `helm template`".to_owned();
                self.outcome.notes.push(Remark { file: templates, position: None, message });
            }
            return;
        }
        for document in yaml::documents(&file.text) {
            match document.read() {
                Ok(read) => {
                    for key in read.duplicates {
                        let message = format!("the key {:?} is written twice here; the last one counts", key.name);
                        self.outcome.notes.push(remark(file, key.offset, message));
                    }
                    let origin = Origin::new(index, file, document);
                    self.value(&origin, &Pointer::default(), &read.value);
                }
                Err(error) => {
                    let template =
                        if document.text().contains("{{") { "; a template is checked once rendered" } else { "" };
                    self.outcome.problems.push(remark(file, error.offset, format!("{}{template}", error.message)));
                }
            }
        }
    }

    fn value(&mut self, origin: &Origin<'t>, prefix: &Pointer, value: &Value) {
        let Some((api_version, kind)) = type_of(value) else { return };
        if let Some(items) = items(kind, value) {
            for (number, item) in items.iter().enumerate() {
                let item = inherit(item, api_version, kind);
                self.value(origin, &prefix.clone().field("items").index(number), &item);
            }
            return;
        }
        match Content::read(api_version, kind, value) {
            Ok(Content { object, fact, metadata }) => {
                let own = metadata.namespace.as_deref().filter(|namespace| !namespace.is_empty());
                let namespace = own.unwrap_or(self.namespace).to_owned();
                let (api_version, kind) = (api_version.to_owned(), kind.to_owned());
                let name = metadata.display_name();
                let identity = Rc::new(Identity { api_version, kind, namespace: namespace.clone(), name });
                let (file, document, prefix) = (origin.index, origin.document, prefix.clone());
                let occasion = occasion(value);
                self.entries.push(Entry { file, document, prefix, namespace, identity, occasion, object, fact });
            }
            Err(Skip::Foreign) => {}
            Err(Skip::Partial) => {
                if kind == "Service" {
                    let name = value.pointer("/metadata/name").and_then(Value::as_str).unwrap_or_default();
                    self.outcome.partial_services.insert(name.to_owned());
                }
                let message = format!("partial object ({kind}); check the output of `kustomize build`");
                self.outcome.notes.push(origin.remark(prefix, message));
            }
            Err(Skip::Mismatch(mismatch)) => {
                let message = format!("{kind}: {mismatch}");
                self.outcome.problems.push(origin.remark(&mismatch.pointer.below(prefix), message));
            }
        }
    }
}

/// The apiVersion and kind; `None` for what is no Kubernetes object.
fn type_of(value: &Value) -> Option<(&str, &str)> {
    Some((value.get("apiVersion")?.as_str()?, value.get("kind")?.as_str()?))
}

/// Whether an object is to be created, or is a dump of one that exists: only a cluster gives a uid and a resourceVersion,
/// and reports a status (generators write an empty one).
fn occasion(value: &Value) -> Occasion {
    let is_given = |pointer| value.pointer(pointer).is_some_and(|given| !given.is_null() && given != "");
    let lives = ["/metadata/uid", "/metadata/resourceVersion", "/status/observedGeneration"];
    if lives.into_iter().any(is_given) { Occasion::Dump } else { Occasion::Check }
}

/// The objects of a List: of a `v1` `List`, or of a list of one kind.
fn items<'v>(kind: &str, value: &'v Value) -> Option<&'v Vec<Value>> {
    kind.ends_with("List").then(|| value.get("items")?.as_array()).flatten()
}

/// The items of a `StatefulSetList` need not say what they are.
fn inherit<'v>(item: &'v Value, api_version: &str, list: &str) -> Cow<'v, Value> {
    let kind = list.trim_end_matches("List");
    let mut item = Cow::Borrowed(item);
    if !kind.is_empty()
        && item.as_object().is_some_and(|map| !(map.contains_key("apiVersion") && map.contains_key("kind")))
        && let Value::Object(map) = item.to_mut()
    {
        map.entry("apiVersion").or_insert_with(|| api_version.into());
        map.entry("kind").or_insert_with(|| kind.into());
    }
    item
}
