//! An index of objects by namespace and name; it knows which of them could not be read.

use std::collections::HashMap;
use std::sync::Arc;

use super::projection::Projected;
use crate::facts::Lookup;

/// By name; `None` could not be read.
type Named<T> = HashMap<Box<str>, Option<Arc<T>>>;

/// The objects of a store. One that could not be read is kept as unknown: to call it absent, or to go on with its last
/// readable state, would both be wrong.
pub(super) struct Index<T> {
    namespaces: HashMap<Box<str>, Named<T>>,
    objects: u64,
    malformed: u64,
}

impl<T> Default for Index<T> {
    fn default() -> Self {
        Self { namespaces: HashMap::new(), objects: 0, malformed: 0 }
    }
}

impl<T> Index<T> {
    /// The object of this name.
    pub(super) fn get(&self, namespace: &str, name: &str) -> Lookup<Arc<T>> {
        match self.namespaces.get(namespace).and_then(|objects| objects.get(name)) {
            Some(Some(object)) => Lookup::Found(Arc::clone(object)),
            Some(None) => Lookup::Unknown,
            None => Lookup::Absent,
        }
    }

    /// Shows all objects of a namespace that could be read, with their names.
    pub(super) fn each(&self, namespace: &str, show: &mut impl FnMut(&str, &Arc<T>)) {
        for (name, object) in self.namespaces.get(namespace).into_iter().flatten() {
            if let Some(object) = object {
                show(name, object);
            }
        }
    }

    /// How many objects could be read.
    pub(super) fn objects(&self) -> u64 {
        self.objects
    }

    /// How many objects could not be read.
    pub(super) fn malformed(&self) -> u64 {
        self.malformed
    }

    /// Adds an object, or replaces the one of the same name.
    pub(super) fn put(&mut self, object: Projected<T>) {
        let (namespace, name) = object.key();
        let (namespace, name): (Box<str>, Box<str>) = (namespace.into(), name.into());
        let object = object.projection.map(Arc::new);
        *self.counter(object.is_some()) += 1;
        if let Some(before) = self.namespaces.entry(namespace).or_default().insert(name, object) {
            *self.counter(before.is_some()) -= 1;
        }
    }

    /// Removes an object.
    pub(super) fn remove(&mut self, namespace: &str, name: &str) {
        let Some(objects) = self.namespaces.get_mut(namespace) else { return };
        let removed = objects.remove(name);
        if objects.is_empty() {
            self.namespaces.remove(namespace);
        }
        if let Some(before) = removed {
            *self.counter(before.is_some()) -= 1;
        }
    }

    /// Frees memory that a first list has taken and the objects do not need.
    pub(super) fn shrink(&mut self) {
        self.namespaces.shrink_to_fit();
    }

    fn counter(&mut self, readable: bool) -> &mut u64 {
        if readable { &mut self.objects } else { &mut self.malformed }
    }
}
