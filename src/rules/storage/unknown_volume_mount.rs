use crate::kubernetes::{Container, RunsPods, StatefulSet};
use crate::pointer::Pointer;
use crate::rule::{Context, Findings, Rule, Workload, rule};

rule! {
    /// Mounts of a volume that does not exist.
    ///
    /// ## What it does
    /// Finds `volumeMounts` and `volumeDevices`, init containers included, that name neither a volume of the pod nor a
    /// claim template.
    ///
    /// ## Why it matters
    /// It is a typing error, and no pod can be created. API servers before 1.34 accept it and only events show it; newer
    /// ones refuse it themselves.
    ///
    /// ## Example
    /// ```yaml
    /// volumeMounts: [{name: dta, mountPath: /data}]
    /// # …
    /// volumeClaimTemplates: [{metadata: {name: data}}]
    /// ```
    ///
    /// ## Use instead
    /// The name of a claim template or of a pod volume.
    ///
    /// ## Fix
    /// None.
    ///
    /// ## Exemptions
    /// `stsguard.dev/exempt-unknown-volume-mount` on the StatefulSet.
    ///
    /// ## References
    /// - kubernetes/kubernetes#131790: full validation of the pod template.
    pub UnknownVolumeMount {
        code: "STS207", name: "unknown-volume-mount", since: "0.1",
        hooks: [StatefulSet],
        default: [Deny, Deny, Deny]
    }
}

impl Rule for UnknownVolumeMount {
    fn stateful_set(&self, set: &Workload<'_, StatefulSet>, _: &Context<'_>, found: &mut Findings<'_, '_>) {
        for (container, name, at) in unknown_mounts(set) {
            found
                .part(&format!("{}/{name}", container.name), at)
                .say(format!(
                    "container {:?} mounts {name:?}, which is no volume and no claim template",
                    container.name
                ))
                .help("correct the name, or add the volume or claim template");
        }
    }
}

/// The mounts that name nothing, with their containers and places.
pub(super) fn unknown_mounts(set: &StatefulSet) -> impl Iterator<Item = (&Container, &str, Pointer)> {
    let is_unknown = |name: &str| set.pod().volume(name).is_none() && set.claim_template(name).is_none();
    set.pod().all_containers().flat_map(move |(slot, container)| {
        let mounts = container.volume_mounts.iter().map(|mount| mount.name.as_str()).enumerate();
        let devices = container.volume_devices.iter().map(|device| device.name.as_str()).enumerate();
        let named = mounts.map(|of| ("volumeMounts", of)).chain(devices.map(|of| ("volumeDevices", of)));
        named.filter(move |(_, (_, name))| is_unknown(name)).map(move |(list, (index, name))| {
            (container, name, slot.pointer(StatefulSet::POD).field(list).index(index).field("name"))
        })
    })
}

#[cfg(test)]
mod tests {
    use crate::rules::harness;
    use serde_json::{Value, json};

    fn mounts(containers: &Value, init: &Value) -> usize {
        let pod =
            json!({"containers": containers, "initContainers": init, "volumes": [{"name": "tmp", "emptyDir": {}}]});
        let templates = json!([{"metadata": {"name": "data"}}]);
        harness::create("STS207", &json!({"spec": {"template": {"spec": pod}, "volumeClaimTemplates": templates}}))
            .len()
    }

    #[test]
    fn finds_unknown_mounts_and_devices_in_all_containers() {
        let wrong = json!([{"name": "a", "volumeMounts": [{"name": "dta"}], "volumeDevices": [{"name": "disk"}]}]);
        assert_eq!(mounts(&wrong, &json!([])), 2);
        assert_eq!(mounts(&json!([]), &wrong), 2);
    }

    #[test]
    fn accepts_volumes_and_claim_templates() {
        assert_eq!(mounts(&json!([{"volumeMounts": [{"name": "data"}, {"name": "tmp"}]}]), &json!(null)), 0);
    }
}
