use super::members;
use crate::engines::{Server, looks_on};
use crate::kubernetes::{PodSpec, RunsPods};
use crate::pointer::Pointer;
use crate::rule::{Action, Context, Findings, Rule, Update, rule};
use crate::rules::lifecycle::claims;

rule! {
    /// Fewer replicas by a step that takes data or a majority away.
    ///
    /// ## What it does
    /// When an update or a scale takes replicas away, finds claims that go with them, where
    /// `persistentVolumeClaimRetentionPolicy.whenScaled` is `Delete`; and, with a server that needs a majority of its
    /// members, more than one taken at once or fewer left than the majority. Where members may be in another set of the same
    /// engine, or may leave by a hook or with the help of another container, it says nothing of them. Scaling to 0 stops the
    /// set and is fine but for the claims. Autoscalers cannot be told from people: a scale is at most warned about, whatever the policy says.
    ///
    /// ## Why it matters
    /// A member that is only switched off still counts: 1 of 3 is no majority, and the cluster stops. Of 5 that become 3 it
    /// still works, and does not survive one more that fails. Claims that are deleted take their volumes along where the
    /// reclaim policy is `Delete`, and the next scale up starts on empty ones.
    ///
    /// ## Example
    /// `kubectl scale statefulset etcd --replicas=1`, where there were 3.
    ///
    /// ## Use instead
    /// Remove a member from the cluster, for example `etcdctl member remove`, scale down by one, wait until all is well, and
    /// so on.
    ///
    /// ## Fix
    /// None: what has been removed from the cluster before is not known.
    ///
    /// ## Exemptions
    /// `stsguard.dev/exempt-unsafe-scale-down` on the StatefulSet, for example where members leave by themselves.
    ///
    /// ## References
    /// - etcd documentation, "Runtime reconfiguration"; Kubernetes documentation, "StatefulSet", section
    ///   "PersistentVolumeClaim retention".
    pub UnsafeScaleDown {
        code: "STS505", name: "unsafe-scale-down", since: "0.1",
        hooks: [StatefulSetUpdate],
        default: [Audit, Warn, Warn]
    }
}

impl Rule for UnsafeScaleDown {
    fn stateful_set_update(&self, change: &Update<'_, '_>, cx: &Context<'_>, found: &mut Findings<'_, '_>) {
        let (before, after) = (change.old.replicas(), change.new.replicas());
        let most = if change.is_scale() { Action::Warn } else { Action::Deny };
        if after >= before {
            return;
        }
        let retention = change.new.spec.persistent_volume_claim_retention_policy.as_ref();
        let is_deleted = retention.and_then(|policy| policy.when_scaled.as_deref()) == Some("Delete");
        if is_deleted && !change.new.claim_templates().is_empty() {
            found
                .part("claims", Pointer::new("/spec/persistentVolumeClaimRetentionPolicy/whenScaled"))
                .say(format!(
                    "whenScaled is Delete: {} and the data in them are deleted too",
                    claims(change.new, after, before)
                ))
                .help("to keep them, set whenScaled: Retain before you scale down")
                .at_most(most);
        }
        let majority = before / 2 + 1;
        if after == 0 || (before - after == 1 && after >= majority) {
            return;
        }
        let Some((server, _)) = members::of(change.new, cx) else { return };
        if may_leave_by_itself(server, change.new.pod()) {
            return;
        }
        let title = server.engine.title;
        let left = if after < majority { ", more than are left" } else { "" };
        found
            .part("members", Pointer::new("/spec/replicas"))
            .say(format!(
                "{title} goes from {before} members to {after}; until it is told, a majority is still {majority}{left}"
            ))
            .help("remove one member from the cluster, scale down by one, wait until all is well, and so on")
            .at_most(most);
    }
}

/// Whether a hook, or another container, may remove a member from the cluster when its pod stops.
fn may_leave_by_itself(server: &Server<'_>, pod: &PodSpec) -> bool {
    let hook = server.container.lifecycle.as_ref().and_then(|lifecycle| lifecycle.pre_stop.as_ref());
    let command = hook.and_then(|hook| hook.exec.as_ref()).map(|exec| exec.command.join(" ")).unwrap_or_default();
    let leaves = ["leave", "remove", "forget", "stepdown", ".sh"].iter().any(|word| command.contains(word));
    let helped = || !pod.containers.iter().all(|other| std::ptr::eq(other, server.container) || looks_on(other));
    leaves || helped()
}

#[cfg(test)]
#[path = "unsafe_scale_down_tests.rs"]
mod tests;
