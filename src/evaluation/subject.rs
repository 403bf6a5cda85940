//! What is evaluated: an object, and what happens to it.

use crate::kubernetes::{DeleteOptions, Deployment, Scale, Service, StatefulSet};
use crate::rule::{Hook, Specs};

/// An object, and what happens to it. The webhook and `check` make subjects; the rules never learn which of them did.
#[derive(Debug, Clone, Copy)]
pub enum Subject<'a> {
    /// A StatefulSet.
    StatefulSet(&'a StatefulSet, Change<'a, StatefulSet>),
    /// A Service.
    Service(&'a Service, Change<'a, Service>),
    /// A Deployment in its final state.
    Deployment {
        /// The Deployment.
        deployment: &'a Deployment,
        /// What it was before an update.
        old: Option<&'a Deployment>,
    },
    /// A scale of the StatefulSet of this name; the set itself is asked of the context.
    Scale {
        /// The set's name.
        name: &'a str,
        /// The scale before.
        old: &'a Scale,
        /// The scale after.
        new: &'a Scale,
    },
}

/// What happens to an object.
#[derive(Debug)]
pub enum Change<'a, T> {
    /// It is what it is: created, in a file, in a cluster.
    State,
    /// It becomes what it is.
    Update {
        /// What it was.
        old: &'a T,
        /// Both specs as text.
        specs: Specs<'a>,
    },
    /// It is deleted.
    Delete(&'a DeleteOptions),
}

// Derived, these would ask the same of the object.
impl<T> Clone for Change<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Change<'_, T> {}

impl Subject<'_> {
    /// The hooks that are run on it.
    pub fn hooks(&self) -> &'static [Hook] {
        match self {
            Self::StatefulSet(_, Change::State) => &[Hook::StatefulSet, Hook::StatefulSetCreate],
            Self::StatefulSet(_, Change::Update { .. }) | Self::Scale { .. } => {
                &[Hook::StatefulSet, Hook::StatefulSetUpdate]
            }
            Self::StatefulSet(_, Change::Delete(_)) => &[Hook::StatefulSetDelete],
            Self::Service(_, Change::State) => &[Hook::Service],
            Self::Service(_, Change::Update { .. }) => &[Hook::ServiceUpdate],
            Self::Service(_, Change::Delete(_)) => &[Hook::ServiceDelete],
            Self::Deployment { .. } => &[Hook::Deployment],
        }
    }
}
