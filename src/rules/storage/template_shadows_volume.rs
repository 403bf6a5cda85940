use crate::kubernetes::{RunsPods, StatefulSet, Volume};
use crate::pointer::Pointer;
use crate::rule::{Context, Findings, Rule, Workload, rule};

rule! {
    /// Claim templates that take the place of a volume of the pod.
    ///
    /// ## What it does
    /// Finds claim templates with the name of a volume in the pod template. It is silent for a `persistentVolumeClaim`
    /// volume whose `claimName` is its own name, which some write beside the template on purpose.
    ///
    /// ## Why it matters
    /// The template wins: the pod gets its claim, and the volume of that name is never mounted. Whoever wrote it expects a
    /// ConfigMap's files, a directory of the node or an empty directory where the claim is.
    ///
    /// ## Example
    /// ```yaml
    /// volumes: [{name: data, hostPath: {path: /mnt/data}}]
    /// # …
    /// volumeClaimTemplates: [{metadata: {name: data}}]
    /// ```
    ///
    /// ## Use instead
    /// The claim template alone, or two names.
    ///
    /// ## Fix
    /// None: which of the two is meant is not known.
    ///
    /// ## Exemptions
    /// `stsguard.dev/exempt-template-shadows-volume` on the StatefulSet.
    ///
    /// ## References
    /// - Kubernetes API reference, StatefulSetSpec, `volumeClaimTemplates`: a claim takes precedence over a volume of the
    ///   same name.
    pub TemplateShadowsVolume {
        code: "STS213", name: "template-shadows-volume", since: "0.1",
        hooks: [StatefulSet],
        default: [Warn, Warn, Deny]
    }
}

impl Rule for TemplateShadowsVolume {
    fn stateful_set(&self, set: &Workload<'_, StatefulSet>, _: &Context<'_>, found: &mut Findings<'_, '_>) {
        let shadowed = |volume: &Volume| set.claim_template(&volume.name).is_some() && !stands_for_template(volume);
        let volumes = set.pod().volumes.iter().enumerate();
        for (index, volume) in volumes.filter(|(_, volume)| !volume.name.is_empty() && shadowed(volume)) {
            found
                .part(&volume.name, Pointer::new(StatefulSet::POD).field("volumes").index(index))
                .say(format!("the claim template {0:?} takes the place of the pod volume {0:?}", volume.name))
                .help("remove the volume, or rename one of the two and its mounts");
        }
    }
}

/// Whether the volume only says once more that there is a claim of its name.
fn stands_for_template(volume: &Volume) -> bool {
    volume.persistent_volume_claim.as_ref().is_some_and(|claim| claim.claim_name == volume.name)
}

#[cfg(test)]
mod tests {
    use crate::rules::harness;
    use serde_json::{Value, json};

    fn beside(volume: &Value) -> usize {
        let pod = json!({"containers": [{"name": "db"}], "volumes": [volume]});
        let templates = json!([{"metadata": {"name": "data"}}]);
        harness::create("STS213", &json!({"spec": {"template": {"spec": pod}, "volumeClaimTemplates": templates}}))
            .len()
    }

    #[test]
    fn finds_a_volume_of_the_same_name() {
        for volume in [
            json!({"name": "data", "emptyDir": {}}),
            json!({"name": "data", "hostPath": {"path": "/mnt"}}),
            json!({"name": "data", "persistentVolumeClaim": {"claimName": "other"}}),
        ] {
            assert_eq!(beside(&volume), 1, "{volume}");
        }
    }

    #[test]
    fn accepts_other_names_and_a_volume_that_stands_for_the_template() {
        assert_eq!(beside(&json!({"name": "tmp", "emptyDir": {}})), 0);
        assert_eq!(beside(&json!({"name": "data", "persistentVolumeClaim": {"claimName": "data"}})), 0);
    }
}
