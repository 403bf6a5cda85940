use super::placement;
use super::unknown_volume_mount::unknown_mounts;
use crate::kubernetes::{RunsPods, StatefulSet};
use crate::pointer::Pointer;
use crate::rule::{Context, Findings, Rule, Workload, rule};

rule! {
    /// Claims that are made for each pod and mounted by no container.
    ///
    /// ## What it does
    /// Finds claim templates that neither a container nor an init container mounts, as a file system or as a device. It is
    /// silent where STS204 or STS207 speaks: then the template is the one that is meant for the data, or the one that is
    /// misspelt.
    ///
    /// ## Why it matters
    /// A claim is made and paid for with each replica, and nothing uses it. Mostly a mount has been forgotten, and what was
    /// meant to be kept goes with the pod. Claim templates cannot be changed later, mounts can.
    ///
    /// ## Example
    /// ```yaml
    /// containers:
    ///   - {name: web, image: "nginx:1.29"}
    /// # …
    /// volumeClaimTemplates: [{metadata: {name: www}}]
    /// ```
    ///
    /// ## Use instead
    /// ```yaml
    /// containers:
    ///   - name: web
    ///     image: nginx:1.29
    ///     volumeMounts: [{name: www, mountPath: /usr/share/nginx/html}]
    /// # …
    /// volumeClaimTemplates: [{metadata: {name: www}}]
    /// ```
    ///
    /// ## Fix
    /// None: the path is not known.
    ///
    /// ## Exemptions
    /// `stsguard.dev/exempt-unmounted-claim-template` on the StatefulSet, for example where another webhook adds the
    /// container that mounts it.
    ///
    /// ## References
    /// - Kubernetes documentation, "StatefulSet", section "Volume Claim Templates".
    pub UnmountedClaimTemplate {
        code: "STS206", name: "unmounted-claim-template", since: "0.1",
        hooks: [StatefulSet],
        default: [Warn, Warn, Deny]
    }
}

impl Rule for UnmountedClaimTemplate {
    fn stateful_set(&self, set: &Workload<'_, StatefulSet>, cx: &Context<'_>, found: &mut Findings<'_, '_>) {
        let is_mounted = |name: &str| {
            set.pod().all_containers().any(|(_, container)| {
                container.volume_mounts.iter().any(|mount| mount.name == name)
                    || container.volume_devices.iter().any(|device| device.name == name)
            })
        };
        let templates = set.claim_templates().iter().enumerate().map(|(index, template)| (index, template.name()));
        let unmounted: Vec<_> = templates.filter(|(_, name)| !name.is_empty() && !is_mounted(name)).collect();
        if unmounted.is_empty() || unknown_mounts(set).next().is_some() || placement::is_unmounted(set, cx) {
            return;
        }
        for (index, name) in unmounted {
            found
                .part(name, Pointer::new("/spec/volumeClaimTemplates").index(index))
                .say(format!(
                    "claim template {name:?} is mounted by no container: each pod gets a claim that nothing uses"
                ))
                .help(format!("mount {name:?} in the container whose files are to be kept"));
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::rules::harness;
    use serde_json::{Value, json};

    fn created(code: &str, container: &Value, init: &Value) -> Vec<String> {
        let pod = json!({"containers": [container], "initContainers": [init]});
        let templates = json!([{"metadata": {"name": "data"}}, {"metadata": {"name": "log"}}, {"metadata": {}}]);
        harness::create(code, &json!({"spec": {"template": {"spec": pod}, "volumeClaimTemplates": templates}}))
    }

    #[test]
    fn finds_each_template_that_nobody_mounts() {
        let web =
            json!({"name": "web", "image": "acme/web:1", "volumeMounts": [{"name": "data", "mountPath": "/data"}]});
        let found = created("STS206", &web, &json!({}));
        assert_eq!(
            found,
            ["claim template \"log\" is mounted by no container: each pod gets a claim that nothing uses"]
        );
        assert_eq!(created("STS206", &json!({"image": "acme/web:1"}), &json!({})).len(), 2);
    }

    #[test]
    fn accepts_devices_and_init_containers() {
        let web = json!({"image": "acme/web:1", "volumeDevices": [{"name": "data", "devicePath": "/dev/x"}]});
        let init = json!({"volumeMounts": [{"name": "log", "mountPath": "/log"}]});
        assert!(created("STS206", &web, &init).is_empty());
    }

    #[test]
    fn leaves_a_misspelt_mount_to_its_rule() {
        let web = json!({"image": "acme/web:1", "volumeMounts": [{"name": "dta", "mountPath": "/data"}]});
        assert_eq!((created("STS206", &web, &json!({})).len(), created("STS207", &web, &json!({})).len()), (0, 1));
    }

    #[test]
    fn leaves_data_that_is_on_no_claim_to_its_rule() {
        let mysql = json!({"name": "db", "image": "mysql:8.4"});
        assert_eq!((created("STS206", &mysql, &json!({})).len(), created("STS204", &mysql, &json!({})).len()), (0, 1));
    }
}
