//! Remarks on names that the files define in several ways.

use std::collections::{BTreeMap, BTreeSet};

use crate::check::input::File;
use crate::check::object::Entry;
use crate::check::origin::remark;
use crate::check::outcome::Remark;
use crate::facts::Question;

/// One remark a question, at the second of the definitions.
pub(super) fn remarks(contradicted: &BTreeSet<Question>, files: &[File], entries: &[Entry<'_>]) -> Vec<Remark> {
    let mut definitions = BTreeMap::<_, Vec<&Entry<'_>>>::new();
    for entry in entries.iter().filter(|_| !contradicted.is_empty()) {
        if let Some((resource, _)) = entry.fact {
            let (namespace, name) = (entry.namespace.clone(), Some(entry.identity.name.clone()));
            let question = Question { resource, namespace, name };
            if contradicted.contains(&question) {
                definitions.entry(question).or_default().push(entry);
            }
        }
    }
    let say = |(question, definitions): (Question, Vec<&Entry<'_>>)| {
        let name = question.name.unwrap_or_default();
        let [first, second, ..] = definitions.as_slice() else { return None };
        let before = &files[first.file];
        let line = before.position(first.document.start()).line;
        let message = format!(
            "the {} {name:?} is defined here and in {}:{line}, and they differ; nothing is said of it",
            question.resource.kind, before.name
        );
        Some(remark(&files[second.file], second.document.start(), message))
    };
    definitions.into_iter().filter_map(say).collect()
}
