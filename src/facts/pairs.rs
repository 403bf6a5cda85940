//! Labels in the least memory.

use crate::kubernetes::Labels;

/// Labels as sorted pairs in one allocation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pairs(Box<[(Box<str>, Box<str>)]>);

impl Pairs {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The pairs, sorted by key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (&**key, &**value))
    }

    /// The first pair that `labels` does not carry, `None` when all are carried (a selector is a subset, not an equal).
    pub fn missing_from<'a>(&'a self, labels: &Pairs) -> Option<(&'a str, &'a str)> {
        self.iter().find(|(key, value)| labels.get(key) != Some(value))
    }

    fn get(&self, key: &str) -> Option<&str> {
        self.0.binary_search_by(|(own, _)| (**own).cmp(key)).ok().map(|index| &*self.0[index].1)
    }
}

impl From<&Labels> for Pairs {
    fn from(labels: &Labels) -> Self {
        // A BTreeMap iterates in the order of its keys, which `get` relies on.
        Self(labels.iter().map(|(key, value)| (key.as_str().into(), value.as_str().into())).collect())
    }
}
