//! Fixes: exact JSON Patch operations that end a finding, and how far to trust them.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::context::Asked;
use crate::facts::Source;
use crate::pointer::Pointer;

/// How far a fix can be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Applicability {
    /// Shown, never applied.
    DisplayOnly,
    /// Right if what the files cannot show is as expected; applied only on request.
    Unsafe,
    /// Proved harmless for this very object; admission applies it.
    Safe,
}

/// One operation of a JSON Patch (RFC 6902).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "lowercase")]
pub enum Operation {
    /// Adds a member, or inserts an element.
    Add {
        /// Where.
        path: Pointer,
        /// What.
        value: Value,
    },
    /// Replaces what is there; fails if nothing is.
    Replace {
        /// Where.
        path: Pointer,
        /// By what.
        value: Value,
    },
    /// Removes what is there; fails if nothing is.
    Remove {
        /// Where.
        path: Pointer,
    },
}

/// A proposed change that ends a finding.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Fix {
    /// How far to trust it.
    pub applicability: Applicability,
    /// What it does, in a few words: `set PGDATA to /var/lib/postgresql/data/pgdata`.
    pub title: String,
    /// The YAML to write into the manifest, on one line: `terminationGracePeriodSeconds: 60`.
    pub yaml: String,
    /// The exact operations.
    pub operations: Vec<Operation>,
    /// The cluster facts that it rests on; filled in when a finding takes it.
    #[serde(skip)]
    pub rests_on: Vec<Asked>,
}

impl Fix {
    /// Whether something that it rests on could not be confirmed: then nobody may make it.
    pub fn is_unconfirmed(&self) -> bool {
        self.rests_on.iter().any(|(_, source)| *source == Source::Unconfirmed)
    }

    /// Makes it one that nobody makes by himself, and that is still worth showing.
    pub fn demote(&mut self) {
        self.applicability = self.applicability.min(Applicability::Unsafe);
    }
}
