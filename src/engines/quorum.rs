//! Engines that do nothing without a majority of their members.

use super::server::Server;

/// How an engine's members agree.
#[derive(Debug, Clone, Copy)]
pub struct Quorum {
    /// Words of which one stands in the command, the arguments or the environment of a member; empty where each server
    /// is one.
    pub told_by: &'static [&'static str],
    /// Whether members that hold no data may be anywhere, so that only two are surely too few, and only where nobody
    /// sees others.
    pub has_arbiters: bool,
}

impl Quorum {
    /// Each server is a member.
    pub(super) const ALWAYS: Self = Self { told_by: &[], has_arbiters: false };
}

/// How this server agrees with its peers, where it surely does.
pub(super) fn of(server: &Server<'_>) -> Option<Quorum> {
    let quorum = server.engine.quorum?;
    let told = quorum.told_by.is_empty() || quorum.told_by.iter().any(|word| server.mentions(word));
    told.then_some(quorum)
}
