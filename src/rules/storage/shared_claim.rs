use super::placement::{Lying, is_data_known, lying};
use crate::engines::{Backing, BackingSource};
use crate::facts::{ClaimModes, Lookup};
use crate::kubernetes::{ClaimVolume, RunsPods, StatefulSet, VolumeMount};
use crate::pointer::Pointer;
use crate::rule::{Action, Context, Findings, Rule, Workload, rule};

rule! {
    /// Replicas that all write to one claim.
    ///
    /// ## What it does
    /// Finds StatefulSets of several replicas whose data directory is on a `persistentVolumeClaim` volume, which all pods
    /// share. Where it is not known which files are the server's data, it warns of each claim that all pods may write to,
    /// unless that is seen to be `ReadWriteMany` or the set has claim templates beside it. Read-only mounts are fine, and so
    /// is a `subPathExpr` that gives each pod a directory of its own.
    ///
    /// ## Why it matters
    /// A database takes its data directory for its own. Two servers on the same files corrupt them, or the second one
    /// refuses to start; with `ReadWriteOnce` that depends on whether both come to the same node, on others the pod waits
    /// for ever.
    ///
    /// ## Example
    /// ```yaml
    /// replicas: 3
    /// # …
    /// volumes: [{name: data, persistentVolumeClaim: {claimName: postgres-data}}]
    /// ```
    ///
    /// ## Use instead
    /// ```yaml
    /// replicas: 3
    /// # …
    /// volumeClaimTemplates: [{metadata: {name: data}}]
    /// ```
    ///
    /// ## Fix
    /// None: the data that is there can go to one of the pods alone.
    ///
    /// ## Exemptions
    /// `stsguard.dev/exempt-shared-claim` on the StatefulSet.
    ///
    /// ## References
    /// - Kubernetes documentation, "Persistent Volumes", section "Access Modes".
    /// - PostgreSQL documentation, section "Shared Disk Failover": two servers must never run on the same data.
    pub SharedClaim {
        code: "STS208", name: "shared-claim", since: "0.1",
        hooks: [StatefulSet],
        default: [Warn, Deny, Deny]
    }
}

impl Rule for SharedClaim {
    fn stateful_set(&self, set: &Workload<'_, StatefulSet>, cx: &Context<'_>, found: &mut Findings<'_, '_>) {
        let replicas = set.replicas();
        if replicas < 2 {
            return;
        }
        let shared = lying(set, cx, is_shared);
        for Lying { server, path, backing } in &shared {
            found
                .server(server, server.slot.pointer(StatefulSet::POD).field("volumeMounts").index(backing.mount_index))
                .say(format!(
                    "data directory {path} of {replicas} replicas is on one claim: they write to the same files"
                ))
                .help(HELP);
        }
        if shared.is_empty() && !is_data_known(set, cx) {
            unknown(set, cx, found);
        }
    }
}

const HELP: &str = "use volumeClaimTemplates, which give each pod a claim of its own";

/// Whether all pods write to the same files.
fn is_shared(backing: &Backing<'_>) -> bool {
    matches!(backing.source, BackingSource::Claim(claim) if is_written(claim, backing.mount))
}

fn is_written(claim: &ClaimVolume, mount: &VolumeMount) -> bool {
    let is_own = mount.sub_path_expr().is_some_and(|path| path.contains("$("));
    !claim.read_only && !mount.read_only && !is_own
}

/// Looks at every claim of the pods, where it is not known which of them holds the data.
fn unknown(set: &Workload<'_, StatefulSet>, cx: &Context<'_>, found: &mut Findings<'_, '_>) {
    let replicas = set.replicas();
    for (index, volume) in set.pod().volumes.iter().enumerate() {
        // A claim template of the same name takes the volume's place.
        let Some(claim) = &volume.persistent_volume_claim else { continue };
        let mut mounts = set.pod().all_containers().flat_map(|(_, container)| &container.volume_mounts);
        let is_used = mounts.any(|mount| mount.name == volume.name && is_written(claim, mount));
        if !is_used || set.claim_template(&volume.name).is_some() {
            continue;
        }
        let name = &claim.claim_name;
        let said = match cx.get::<ClaimModes>(name) {
            Lookup::Found(modes) if modes.for_many => continue,
            Lookup::Found(_) => {
                format!("the {replicas} replicas write to the claim {name:?}, which is not ReadWriteMany")
            }
            // Beside claims of their own, files that pods share are shared on purpose.
            Lookup::Absent | Lookup::Unknown if !set.claim_templates().is_empty() => continue,
            Lookup::Absent | Lookup::Unknown => {
                format!(
                    "the {replicas} replicas write to one claim, {name:?}; unless it is ReadWriteMany, some may never start"
                )
            }
        };
        found
            .part(&volume.name, Pointer::new(StatefulSet::POD).field("volumes").index(index))
            .say(said)
            .help(HELP)
            .at_most(Action::Warn);
    }
}

#[cfg(test)]
#[path = "shared_claim_tests.rs"]
mod tests;
