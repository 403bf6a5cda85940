//! The vocabulary of a rule: the trait, what it is told, what it may ask, what it finds and fixes, what a policy says of it.
//!
//! The catalogue of all rules stands above ([`rules`](crate::rules)); what judges by it is handed one.

#![deny(clippy::disallowed_methods, clippy::disallowed_types)]

mod action;
mod catalogue;
mod context;
mod finding;
mod fix;
mod hook;
mod info;
mod occasion;
mod parameter;
mod policy;
mod scope;
mod update;
mod workload;

pub use action::Action;
pub use catalogue::Catalogue;
pub use context::{Asked, Context};
pub use finding::{Building, Finding, Findings};
pub use fix::{Applicability, Fix, Operation};
pub use hook::{Front, Hook};
pub(crate) use info::rule;
pub use info::{Described, Info};
pub use occasion::Occasion;
pub use parameter::{Parameter, Values, Written};
pub use policy::{Owned, Policy, Profile, Setting, WrittenParameter};
pub use scope::{Exemption, Glob, Namespaces, Override};
pub use update::{Specs, Update};
pub use workload::{Workload, config_map, data_directory};

use crate::kubernetes::{DeleteOptions, Deployment, Service, StatefulSet};

/// A check in the catalogue: implement only the hooks that it needs.
///
/// The engine decides which hooks run; it applies exemptions, actions and the ratchet, so a rule only says what it sees.
pub trait Rule: Described + Sync {
    /// Looks at a StatefulSet in its final state: created, updated, in a file, or found in a cluster.
    fn stateful_set(&self, _set: &Workload<'_, StatefulSet>, _cx: &Context<'_>, _found: &mut Findings<'_, '_>) {}

    /// Looks at a StatefulSet that is being created in a cluster, beside what exists there already.
    fn stateful_set_create(&self, _set: &Workload<'_, StatefulSet>, _cx: &Context<'_>, _found: &mut Findings<'_, '_>) {}

    /// Looks at what an update or a scale changes.
    fn stateful_set_update(&self, _change: &Update<'_, '_>, _cx: &Context<'_>, _found: &mut Findings<'_, '_>) {}

    /// Looks at a StatefulSet that is being deleted.
    fn stateful_set_delete(
        &self,
        _set: &Workload<'_, StatefulSet>,
        _options: &DeleteOptions,
        _cx: &Context<'_>,
        _found: &mut Findings<'_, '_>,
    ) {
    }

    /// Puts back what this rule fixed earlier, wherever an update brings exactly the bad default back: one fix for each
    /// place.
    ///
    /// Called only for sets whose annotation records this rule's fix. It must return the old values and nothing else,
    /// so that the template equals the old one.
    fn keep_fixes(&self, _old: &Workload<'_, StatefulSet>, _new: &Workload<'_, StatefulSet>) -> Vec<Fix> {
        Vec::new()
    }

    /// Looks at a Service that is being created.
    fn service(&self, _service: &Service, _cx: &Context<'_>, _found: &mut Findings<'_, '_>) {}

    /// Looks at what an update changes in a Service.
    fn service_update(&self, _old: &Service, _new: &Service, _cx: &Context<'_>, _found: &mut Findings<'_, '_>) {}

    /// Looks at a Service that is being deleted.
    fn service_delete(&self, _service: &Service, _cx: &Context<'_>, _found: &mut Findings<'_, '_>) {}

    /// Looks at a Deployment in its final state.
    fn deployment(&self, _deployment: &Workload<'_, Deployment>, _cx: &Context<'_>, _found: &mut Findings<'_, '_>) {}
}
