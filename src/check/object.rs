//! From documents to typed objects: Lists opened, partial and foreign objects passed over, mismatches told.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::Arc;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::input::File;
use super::origin::{Origin, remark};
use super::outcome::{Identity, Outcome, Remark};
use super::partial::{is_empty, is_part, is_patch};
use crate::kubernetes::{Deployment, Labels, ObjectMeta, Service, StatefulSet};
use crate::pointer::Pointer;
use crate::yaml::{self, Document, Mismatch};

/// An object that is judged, or that tells something about those that are.
#[derive(Debug)]
pub enum Object {
    /// A StatefulSet.
    StatefulSet(Box<StatefulSet>),
    /// A Deployment.
    Deployment(Box<Deployment>),
    /// A Service.
    Service(Box<Service>),
    /// A ConfigMap's data.
    ConfigMap(Arc<Labels>),
}

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
    /// The object.
    pub object: Object,
}

/// A ConfigMap, as far as it can move a data directory.
#[derive(Deserialize)]
struct ConfigMap {
    #[serde(default)]
    metadata: ObjectMeta,
    #[serde(default)]
    data: Labels,
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

/// Why an object is not read.
enum Skip {
    /// It is of no interest.
    Foreign,
    /// It is a patch for another object.
    Partial,
    /// The API server would not decode it.
    Mismatch(Mismatch),
}

impl From<Mismatch> for Skip {
    fn from(mismatch: Mismatch) -> Self {
        Self::Mismatch(mismatch)
    }
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
        match object(api_version, kind, value) {
            Ok((object, metadata)) => {
                let own = metadata.namespace.as_deref().filter(|namespace| !namespace.is_empty());
                let namespace = own.unwrap_or(self.namespace).to_owned();
                let (api_version, kind) = (api_version.to_owned(), kind.to_owned());
                let name = metadata.display_name();
                let identity = Rc::new(Identity { api_version, kind, namespace: namespace.clone(), name });
                let (file, document, prefix) = (origin.index, origin.document, prefix.clone());
                self.entries.push(Entry { file, document, prefix, namespace, identity, object });
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

fn object(api_version: &str, kind: &str, value: &Value) -> Result<(Object, ObjectMeta), Skip> {
    match (api_version, kind) {
        ("apps/v1" | "apps/v1beta1" | "apps/v1beta2", "StatefulSet") => {
            let set: StatefulSet = complete(api_version, value)?;
            let metadata = set.metadata.clone();
            Ok((Object::StatefulSet(Box::new(set)), metadata))
        }
        ("apps/v1" | "apps/v1beta1" | "apps/v1beta2" | "extensions/v1beta1", "Deployment") => {
            let deployment: Deployment = complete(api_version, value)?;
            let metadata = deployment.metadata.clone();
            Ok((Object::Deployment(Box::new(deployment)), metadata))
        }
        ("v1", "Service") => {
            let service: Service = yaml::read(value)?;
            let spec = value.get("spec").unwrap_or(&Value::Null);
            // Every Service with an address of its own must have ports.
            let needs_ports = !service.spec.is_headless() && service.spec.kind() != "ExternalName";
            if is_patch(value) || (needs_ports && is_empty(spec.get("ports"))) {
                return Err(Skip::Partial);
            }
            let metadata = service.metadata.clone();
            Ok((Object::Service(Box::new(service)), metadata))
        }
        ("v1", "ConfigMap") => {
            let map: ConfigMap = yaml::read(value)?;
            if is_patch(value) {
                return Err(Skip::Partial);
            }
            Ok((Object::ConfigMap(Arc::new(map.data)), map.metadata))
        }
        _ => Err(Skip::Foreign),
    }
}

/// Reads an object that runs pods, unless it is only a part of one.
fn complete<T: DeserializeOwned>(api_version: &str, value: &Value) -> Result<T, Skip> {
    if is_patch(value) {
        return Err(Skip::Partial);
    }
    let spec = value.get("spec").filter(|spec| !spec.is_null()).ok_or_else(|| {
        let message = "has no spec".to_owned();
        Skip::Mismatch(Mismatch { pointer: Pointer::default(), message })
    })?;
    if let Value::Object(spec) = spec
        && is_part(api_version, spec)
    {
        return Err(Skip::Partial);
    }
    Ok(yaml::read(value)?)
}
