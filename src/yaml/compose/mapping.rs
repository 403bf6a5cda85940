//! A mapping while it is composed: what was written, what was merged, and what was written twice.

use std::collections::HashSet;
use std::ops::Range;

use serde_json::{Map, Value};

use crate::yaml::document::DuplicateKey;

/// The key of a mapping.
pub(super) struct Key {
    pub(super) name: String,
    pub(super) at: Range<usize>,
    pub(super) is_merge: bool,
}

/// A mapping being composed.
#[derive(Default)]
pub(super) struct Mapping {
    pub(super) map: Map<String, Value>,
    /// Keys that only a merge has brought so far: to write one of them is no repetition.
    merged: HashSet<String>,
}

impl Mapping {
    /// Takes what is written here; gives it back as a duplicate if it was written before.
    pub(super) fn write(&mut self, key: Key, value: Value) -> Option<DuplicateKey> {
        let is_known = self.map.insert(key.name.clone(), value).is_some();
        (is_known && !self.merged.remove(&key.name)).then_some(DuplicateKey { offset: key.at.start, name: key.name })
    }

    /// Takes what a merge brings.
    pub(super) fn take_over(&mut self, key: String, value: Value) {
        if self.map.insert(key.clone(), value).is_none() {
            self.merged.insert(key);
        }
    }
}
