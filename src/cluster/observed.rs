//! One object of a watch: its identity, and the little of it that is kept.
//!
//! The watcher wants a full ObjectMeta; only the fields it looks at are filled, so managedFields are never built. An
//! object that cannot be read is still an object of the watch, or one bad object would stop all others.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;
use kube::core::DynamicResourceScope;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::facts::Kind;

/// An object as a watch brings it.
pub struct Observed<T> {
    meta: ObjectMeta,
    /// What is kept; `None` when the object could not be read.
    pub kept: Option<T>,
}

impl<T: Clone> Clone for Observed<T> {
    fn clone(&self) -> Self {
        Self { meta: self.meta.clone(), kept: self.kept.clone() }
    }
}

impl<T> fmt::Debug for Observed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Observed").field(&self.meta.namespace).field(&self.meta.name).finish()
    }
}

impl<T> Observed<T> {
    /// The namespace (empty for cluster-scoped objects) and the name.
    pub fn key(&self) -> (&str, &str) {
        (self.meta.namespace.as_deref().unwrap_or_default(), self.meta.name.as_deref().unwrap_or_default())
    }
}

#[derive(Deserialize)]
struct Identified {
    metadata: Identity,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Identity {
    name: String,
    namespace: Option<String>,
    resource_version: Option<String>,
}

impl<'de, T: Kind> Deserialize<'de> for Observed<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        let Identity { name, namespace, resource_version } =
            serde_json::from_str::<Identified>(raw.get()).map_err(D::Error::custom)?.metadata;
        let meta = ObjectMeta { name: Some(name), namespace, resource_version, ..ObjectMeta::default() };
        let kept = serde_json::from_str::<T::Wire>(raw.get()).ok().map(|wire| T::from(&wire));
        Ok(Self { meta, kept })
    }
}

impl<T: Kind> Resource for Observed<T> {
    type DynamicType = PhantomData<T>;
    type Scope = DynamicResourceScope;

    fn kind(_: &PhantomData<T>) -> Cow<'_, str> {
        T::RESOURCE.kind.into()
    }
    fn group(_: &PhantomData<T>) -> Cow<'_, str> {
        T::RESOURCE.group.into()
    }
    fn version(_: &PhantomData<T>) -> Cow<'_, str> {
        "v1".into()
    }
    fn plural(_: &PhantomData<T>) -> Cow<'_, str> {
        T::RESOURCE.plural.into()
    }
    fn meta(&self) -> &ObjectMeta {
        &self.meta
    }
    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.meta
    }
}
