//! What can be asked: one object by its name, or all of a kind.

use std::fmt;

use super::kind::{Kind, Resource, Scope};

/// A Get or a List.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Question {
    /// The kind.
    pub resource: &'static Resource,
    /// The namespace, empty for what lives in none.
    pub namespace: String,
    /// The name that is asked for; `None` asks for all.
    pub name: Option<String>,
}

impl Question {
    /// Asks for the object of this name.
    pub fn get<K: Kind>(namespace: &str, name: &str) -> Self {
        Self { name: Some(name.to_owned()), ..Self::list::<K>(namespace) }
    }

    /// Asks for all objects of a kind; of a namespace, where they live in one.
    pub fn list<K: Kind>(namespace: &str) -> Self {
        let namespace = match K::RESOURCE.scope {
            Scope::Namespaced => namespace.to_owned(),
            Scope::Cluster => String::new(),
        };
        Self { resource: K::RESOURCE, namespace, name: None }
    }
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = self.resource.kind;
        match (&self.name, self.namespace.as_str()) {
            (Some(name), "") => write!(f, "{kind} {name}"),
            (Some(name), namespace) => write!(f, "{kind} {namespace}/{name}"),
            (None, "") => write!(f, "all {}", self.resource.plural),
            (None, namespace) => write!(f, "all {} in {namespace}", self.resource.plural),
        }
    }
}
