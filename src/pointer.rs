//! JSON pointers (RFC 6901): where in an object a finding stands and a patch operation acts.

#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

use std::fmt;

use serde::{Deserialize, Serialize};

/// A JSON pointer, escaped as RFC 6901 asks (`~` as `~0`, `/` as `~1`).
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Pointer(String);

impl Pointer {
    /// A pointer from text that is escaped already, for example `/spec/template/spec`.
    pub fn new(escaped: impl Into<String>) -> Self {
        Self(escaped.into())
    }

    /// The pointer to the field `key` below this one.
    #[must_use]
    pub fn field(mut self, key: &str) -> Self {
        self.0.push('/');
        for character in key.chars() {
            match character {
                '~' => self.0.push_str("~0"),
                '/' => self.0.push_str("~1"),
                other => self.0.push(other),
            }
        }
        self
    }

    /// The pointer to the list element `index` below this one.
    #[must_use]
    pub fn index(mut self, index: usize) -> Self {
        self.0.push('/');
        self.0.push_str(&index.to_string());
        self
    }

    /// The pointer to one past the last list element below this one: `-`, for an `add` operation.
    #[must_use]
    pub fn end(mut self) -> Self {
        self.0.push_str("/-");
        self
    }

    /// The same pointer in the object at `outer`.
    #[must_use]
    pub fn below(&self, outer: &Self) -> Self {
        Self(format!("{outer}{self}"))
    }

    /// The escaped text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The unescaped segments, outermost first.
    pub fn segments(&self) -> impl Iterator<Item = String> + '_ {
        self.0.split('/').skip(1).map(|segment| segment.replace("~1", "/").replace("~0", "~"))
    }
}

impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_slash_and_tilde_and_gives_them_back() {
        let pointer = Pointer::new("/metadata/annotations").field("stsguard.dev/a~b").index(2).end();
        assert_eq!(pointer.as_str(), "/metadata/annotations/stsguard.dev~1a~0b/2/-");
        assert_eq!(pointer.segments().collect::<Vec<_>>(), ["metadata", "annotations", "stsguard.dev/a~b", "2", "-"]);
    }
}
