use std::sync::Arc;

use crate::facts::{ClaimFacts, Lookup, PodFacts};
use crate::kubernetes::{RunsPods, StatefulSet};
use crate::pointer::Pointer;
use crate::rule::{Action, Context, Findings, Rule, Workload, rule};

rule! {
    /// New StatefulSets that start on the data of an earlier one.
    ///
    /// ## What it does
    /// When a StatefulSet is created, finds the claims that exist under the names that its claim templates give, and lists
    /// them. Where pods of the set exist too, it takes them over: that is what re-creation after `kubectl delete
    /// --cascade=orphan` looks like, and only audited. So is what cannot be told because pods cannot be read. It never
    /// speaks of files: they do not show what is in a cluster.
    ///
    /// ## Why it matters
    /// Claims stay when a set is deleted, and a new set of the same name gets them with all that is in them. That is what
    /// somebody wants who brings a database back. Who wants a new one gets the old users and passwords, since images
    /// initialise an empty directory only, or a server of another version that does not start on the old files.
    ///
    /// ## Example
    /// `helm uninstall shop && helm install shop …`: the claim `data-postgres-0` outlives both.
    ///
    /// ## Use instead
    /// Nothing else, if the data is wanted. If not, another name for the set, or delete the claims before, once their data
    /// is safe elsewhere.
    ///
    /// ## Fix
    /// None: only its owner knows whether the data is wanted.
    ///
    /// ## Exemptions
    /// `stsguard.dev/exempt-retained-claims-reused` on the StatefulSet.
    ///
    /// ## References
    /// - Kubernetes documentation, "StatefulSet", section "Stable Storage".
    pub RetainedClaimsReused {
        code: "STS212", name: "retained-claims-reused", since: "0.1",
        hooks: [StatefulSetCreate],
        default: [Warn, Warn, Warn]
    }
}

/// How many claims are listed, and how many pods are asked for.
const LISTED: usize = 3;

impl Rule for RetainedClaimsReused {
    fn stateful_set_create(&self, set: &Workload<'_, StatefulSet>, cx: &Context<'_>, found: &mut Findings<'_, '_>) {
        let templates = set.claim_templates();
        let Some(name) = set.metadata().name.as_deref().filter(|name| !name.is_empty()) else { return };
        if templates.is_empty() {
            return;
        }
        // A claim that is being deleted is waited for, and made anew.
        let is_kept =
            |claim: &ClaimFacts| !claim.deleting && templates.iter().any(|template| claim.is_of(name, template.name()));
        let mut claims = cx.list::<ClaimFacts>(is_kept).items;
        if claims.is_empty() {
            return;
        }
        claims.sort_by(|one, other| ordinal(one).cmp(&ordinal(other)));
        let listed = listed(&claims);
        let (said, action) = match pods(name, &claims, cx) {
            Lookup::Absent => {
                (format!("claims of this set exist, and it starts on the data in them: {listed}"), Action::Warn)
            }
            Lookup::Found(()) => {
                (format!("pods of this set exist, and it goes on with their claims: {listed}"), Action::Audit)
            }
            Lookup::Unknown => (format!("claims of this set exist, and maybe its pods: {listed}"), Action::Audit),
        };
        found
            .object(Pointer::new("/spec/volumeClaimTemplates"))
            .say(said)
            .help("if this data is not wanted, give the set another name, or delete the claims once their data is safe")
            .at_most(action);
    }
}

/// Whether pods run on the first of these claims.
fn pods(set: &str, claims: &[Arc<ClaimFacts>], cx: &Context<'_>) -> Lookup<()> {
    let mut ordinals: Vec<_> = claims.iter().map(|claim| ordinal(claim)).collect();
    ordinals.dedup();
    // All are asked for before any answer is looked at: one round of live reads brings them.
    let found: Vec<_> =
        ordinals.iter().take(LISTED).map(|(_, ordinal)| cx.get::<PodFacts>(&format!("{set}-{ordinal}"))).collect();
    let stays = |pod: &Lookup<Arc<PodFacts>>| matches!(pod, Lookup::Found(pod) if !pod.deleting);
    match () {
        () if found.iter().any(stays) => Lookup::Found(()),
        () if found.contains(&Lookup::Unknown) => Lookup::Unknown,
        () => Lookup::Absent,
    }
}

/// A claim's ordinal, with its length first so that 10 comes after 9 whatever its size.
fn ordinal(claim: &ClaimFacts) -> (usize, &str) {
    let ordinal = claim.name.rsplit('-').next().unwrap_or_default();
    (ordinal.len(), ordinal)
}

/// The claims' names, shortened.
fn listed(claims: &[Arc<ClaimFacts>]) -> String {
    let names: Vec<_> = claims.iter().map(|claim| &*claim.name).collect();
    match names.as_slice() {
        [first, .., last] if names.len() > LISTED => format!("{first} … {last}, {} in all", names.len()),
        _ => names.join(", "),
    }
}

#[cfg(test)]
#[path = "retained_claims_reused_tests.rs"]
mod tests;
