use super::placement::{Lying, lying};
use crate::engines::BackingSource;
use crate::kubernetes::{RunsPods, StatefulSet};
use crate::rule::{Context, Findings, Rule, Workload, rule};

rule! {
    /// Databases that keep their data on the node.
    ///
    /// ## What it does
    /// Finds servers whose data directory is on a `hostPath` volume.
    ///
    /// ## Why it matters
    /// The data stays on the node when the pod goes: on another node the server starts on an empty directory, or on the
    /// one that another pod has left there, and replicas on one node share one. Nothing counts or limits its size, and the
    /// pod security standards forbid `hostPath`.
    ///
    /// ## Example
    /// ```yaml
    /// volumes: [{name: data, hostPath: {path: /mnt/mysql}}]
    /// ```
    ///
    /// ## Use instead
    /// ```yaml
    /// volumeClaimTemplates: [{metadata: {name: data}}]
    /// ```
    /// For disks of the node a StorageClass of `local` volumes, with which the scheduler keeps pod and data together.
    ///
    /// ## Fix
    /// None: data that is there must be moved first.
    ///
    /// ## Exemptions
    /// `stsguard.dev/exempt-host-path-data` on the StatefulSet.
    ///
    /// ## References
    /// - Kubernetes documentation, "Volumes", sections "hostPath" and "local".
    pub HostPathData {
        code: "STS211", name: "host-path-data", since: "0.1",
        hooks: [StatefulSet],
        default: [Audit, Warn, Deny]
    }
}

impl Rule for HostPathData {
    fn stateful_set(&self, set: &Workload<'_, StatefulSet>, cx: &Context<'_>, found: &mut Findings<'_, '_>) {
        for Lying { server, path, backing } in lying(set, cx, |b| matches!(b.source, BackingSource::HostPath(_))) {
            found
                .server(&server, server.slot.pointer(StatefulSet::POD).field("volumeMounts").index(backing.mount_index))
                .say(format!("data directory {path} is on the node, where it stays when the pod moves"))
                .help("use volumeClaimTemplates; for disks of the node, with a StorageClass of local volumes");
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::rules::harness;
    use serde_json::{Value, json};

    fn on(image: &str, path: &str, volume: &Value) -> usize {
        let container = json!({"name": "db", "image": image, "volumeMounts": [{"name": "data", "mountPath": path}]});
        let pod = json!({"containers": [container], "volumes": [volume]});
        harness::create("STS211", &json!({"spec": {"template": {"spec": pod}}})).len()
    }

    #[test]
    fn finds_data_on_the_node() {
        let node = json!({"name": "data", "hostPath": {"path": "/mnt"}});
        assert_eq!(on("mysql:5", "/var/lib/mysql", &node), 1);
        assert_eq!(on("mysql", "/var/lib/mysql", &node), 1, "whatever the major");
        assert_eq!(on("postgres", "/var/lib", &node), 0, "the image's VOLUME hides it up to 17");
        assert_eq!(on("mysql:8.4", "/backup", &node), 0);
        assert_eq!(on("acme/mysql:8.4", "/var/lib/mysql", &node), 0, "somebody's own layout");
    }

    #[test]
    fn accepts_other_volumes() {
        for volume in [
            json!({"name": "data", "emptyDir": {}}),
            json!({"name": "data", "persistentVolumeClaim": {"claimName": "x"}}),
        ] {
            assert_eq!(on("mysql:8.4", "/var/lib/mysql", &volume), 0, "{volume}");
        }
    }
}
