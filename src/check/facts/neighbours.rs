//! Which Service or PodDisruptionBudget belongs to a set that stands beside it.

use std::any::Any;
use std::collections::{HashMap, HashSet};

use super::Definition;
use crate::facts::{BudgetFacts, Kind, Pairs, ServiceFacts, SetFacts};

/// A file or a folder.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Beside {
    File(usize),
    Folder(usize),
}

impl Beside {
    fn of<K>(definition: &Definition<K>) -> impl Iterator<Item = Self> {
        [Some(Self::File(definition.file)), definition.folder.map(Self::Folder)].into_iter().flatten()
    }
}

/// The sets that stand in each file and folder, by the Service that they name and by each of their labels.
#[derive(Default)]
pub(super) struct Neighbours<'s> {
    named: HashSet<(Beside, &'s str, &'s str)>,
    labelled: HashMap<(Beside, &'s str, &'s str, &'s str), Vec<&'s Pairs>>,
}

impl<'s> Neighbours<'s> {
    pub(super) fn of(sets: &'s [Definition<SetFacts>]) -> Self {
        let mut this = Self::default();
        for set in sets {
            for beside in Beside::of(set) {
                this.named.insert((beside, &set.namespace, &set.fact.service_name));
                for (key, value) in set.fact.pod_labels.iter() {
                    this.labelled.entry((beside, &set.namespace, key, value)).or_default().push(&set.fact.pod_labels);
                }
            }
        }
        this
    }

    /// Whether this is a Service that stands beside a set that names it, or a Service or budget beside a set whose pods it
    /// selects: then it is that one's, and the same name elsewhere may be another application's (many projects checked
    /// together).
    pub(super) fn claim<K: Kind>(&self, definition: &Definition<K>) -> bool {
        let fact = &*definition.fact as &dyn Any;
        if let Some(service) = fact.downcast_ref::<ServiceFacts>() {
            let (namespace, name) = (definition.namespace.as_str(), definition.name.as_str());
            let is_named = |beside| self.named.contains(&(beside, namespace, name));
            return Beside::of(definition).any(is_named) || self.selects(definition, &service.selector);
        }
        if let Some(selector) = fact.downcast_ref::<BudgetFacts>().and_then(|budget| budget.selector.as_ref()) {
            // One that names no label selects whatever stands beside it.
            let labels = Pairs::from(&selector.match_labels);
            return labels.is_empty() || self.selects(definition, &labels);
        }
        false
    }

    /// Whether a set beside it has pods with these labels.
    fn selects<K>(&self, definition: &Definition<K>, selector: &Pairs) -> bool {
        let namespace = definition.namespace.as_str();
        Beside::of(definition).any(|beside| {
            // All labels of one application's sets may be the same but one: the rarest leaves the fewest to look at.
            let labelled =
                |(key, value)| self.labelled.get(&(beside, namespace, key, value)).map_or(&[][..], Vec::as_slice);
            let candidates = selector.iter().map(labelled).min_by_key(|sets| sets.len()).unwrap_or_default();
            candidates.iter().any(|labels| selector.missing_from(labels).is_none())
        })
    }
}
