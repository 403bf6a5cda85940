//! Whether the members of a quorum are the pods of one set.

use crate::engines::{self, Quorum, Server};
use crate::facts::{Completeness, SetFacts};
use crate::kubernetes::StatefulSet;
use crate::rule::{Context, Workload};

/// The set's server that needs a majority of its members, if these are surely the pods of this set: another set of the
/// same engine may hold some.
pub(super) fn of<'w, 'a>(set: &'w Workload<'a, StatefulSet>, cx: &Context<'_>) -> Option<(&'w Server<'a>, Quorum)> {
    let server = set.leading()?;
    let quorum = server.quorum()?;
    let peers = cx.list::<SetFacts>(|other| is_beside(other, set, server, cx));
    let is_seen = peers.completeness != Completeness::Unknown || !quorum.has_arbiters;
    (peers.items.is_empty() && is_seen).then_some((server, quorum))
}

/// Whether another set runs the same engine.
fn is_beside(other: &SetFacts, set: &Workload<'_, StatefulSet>, server: &Server<'_>, cx: &Context<'_>) -> bool {
    let same =
        |image: &str| engines::engine_of(image, &cx.policy.mirrors).is_some_and(|engine| engine.id == server.engine.id);
    set.metadata.name.as_deref() != Some(&*other.name) && other.images.iter().any(|image| same(image))
}
