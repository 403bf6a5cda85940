//! One object of a watch, read into its identity and its projection: the little of it that a store holds.
//!
//! kube's watch wants a full ObjectMeta; only the fields that it looks at are filled, so managedFields are never built. An
//! object without a readable projection still has an identity, or one bad object would end the watch of all others.

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
pub struct Projected<T> {
    meta: ObjectMeta,
    /// Its projection; `None` when the object could not be read.
    pub projection: Option<T>,
}

impl<T: Clone> Clone for Projected<T> {
    fn clone(&self) -> Self {
        Self { meta: self.meta.clone(), projection: self.projection.clone() }
    }
}

impl<T> fmt::Debug for Projected<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Projected").field(&self.meta.namespace).field(&self.meta.name).finish()
    }
}

impl<T> Projected<T> {
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

impl<'de, T: Kind> Deserialize<'de> for Projected<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        let Identity { name, namespace, resource_version } =
            serde_json::from_str::<Identified>(raw.get()).map_err(D::Error::custom)?.metadata;
        let meta = ObjectMeta { name: Some(name), namespace, resource_version, ..ObjectMeta::default() };
        let projection = serde_json::from_str::<T::Wire>(raw.get()).ok().map(|wire| T::from(&wire));
        Ok(Self { meta, projection })
    }
}

impl<T: Kind> Resource for Projected<T> {
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
