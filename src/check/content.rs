//! What one document holds: an object that is judged, or what it tells about those that are.

use std::sync::Arc;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::partial::{is_empty, is_part, is_patch};
use crate::facts::{Fact, Kind, KindVisitor, Resource, ServiceFacts, SetFacts, each_kind};
use crate::kubernetes::{Deployment, ObjectMeta, Service, StatefulSet};
use crate::pointer::Pointer;
use crate::yaml::{self, Mismatch};

/// An object that is judged.
#[derive(Debug)]
pub enum Object {
    /// A StatefulSet.
    StatefulSet(Box<StatefulSet>),
    /// A Deployment.
    Deployment(Box<Deployment>),
}

/// Why an object is not read.
pub(super) enum Skip {
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

/// What a document holds.
pub(super) struct Content {
    pub(super) object: Option<Object>,
    pub(super) fact: Option<(&'static Resource, Fact)>,
    pub(super) metadata: ObjectMeta,
}

impl Content {
    /// Reads an object of this version and kind.
    pub(super) fn read(api_version: &str, kind: &str, value: &Value) -> Result<Self, Skip> {
        match (api_version, kind) {
            ("apps/v1" | "apps/v1beta1" | "apps/v1beta2", "StatefulSet") => {
                let set: StatefulSet = complete(api_version, value)?;
                let metadata = set.metadata.clone();
                let fact = Some((SetFacts::RESOURCE, Arc::new(SetFacts::from(&set)) as Fact));
                Ok(Self { object: Some(Object::StatefulSet(Box::new(set))), fact, metadata })
            }
            ("apps/v1" | "apps/v1beta1" | "apps/v1beta2" | "extensions/v1beta1", "Deployment") => {
                let deployment: Deployment = complete(api_version, value)?;
                let metadata = deployment.metadata.clone();
                Ok(Self { object: Some(Object::Deployment(Box::new(deployment))), fact: None, metadata })
            }
            ("v1", "Service") => {
                let service: Service = yaml::read(value)?;
                let spec = value.get("spec").unwrap_or(&Value::Null);
                // Every Service with an address of its own must have ports.
                let needs_ports = !service.spec.is_headless() && service.spec.kind() != "ExternalName";
                if is_patch(value) || (needs_ports && is_empty(spec.get("ports"))) {
                    return Err(Skip::Partial);
                }
                let fact = Some((ServiceFacts::RESOURCE, Arc::new(ServiceFacts::from(&service)) as Fact));
                Ok(Self { object: None, fact, metadata: service.metadata })
            }
            _ => {
                let mut telling = Telling { api_version, kind, value, told: None };
                each_kind(&mut telling);
                let fact = telling.told.ok_or(Skip::Foreign)??;
                if is_patch(value) {
                    return Err(Skip::Partial);
                }
                let Identified { metadata } = yaml::read(value)?;
                Ok(Self { object: None, fact: Some(fact), metadata })
            }
        }
    }
}

#[derive(Deserialize)]
struct Identified {
    #[serde(default)]
    metadata: ObjectMeta,
}

/// Reads a document as the kind of the table that it is of, whatever its version.
struct Telling<'v> {
    api_version: &'v str,
    kind: &'v str,
    value: &'v Value,
    told: Option<Result<(&'static Resource, Fact), Mismatch>>,
}

impl KindVisitor for Telling<'_> {
    fn visit<K: Kind>(&mut self) {
        let group = self.api_version.rsplit_once('/').map_or("", |(group, _)| group);
        let is_of = |resource: &Resource| resource.files && resource.kind == self.kind && resource.group == group;
        if self.told.is_none() && is_of(K::RESOURCE) {
            let read = yaml::read::<K::Wire>(self.value);
            self.told = Some(read.map(|wire| (K::RESOURCE, Arc::new(K::from(&wire)) as Fact)));
        }
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
