use super::placement::{Lying, lying};
use crate::engines::{Backing, BackingSource};
use crate::kubernetes::{RunsPods, StatefulSet};
use crate::pointer::Pointer;
use crate::rule::{Context, Findings, Rule, Workload, rule};

rule! {
    /// Databases on volumes that several nodes may mount at once.
    ///
    /// ## What it does
    /// Finds servers whose data directory is on a claim template with the access mode `ReadWriteMany`.
    ///
    /// ## Why it matters
    /// As a rule only file systems on the network give `ReadWriteMany`: NFS, EFS, CephFS. There an fsync takes longer and
    /// promises less, and locks may outlive their holder. And nothing but the server's own lock file keeps a second pod off
    /// the data, where `ReadWriteOnce` would keep it from starting on another node.
    ///
    /// ## Example
    /// ```yaml
    /// volumeClaimTemplates:
    ///   - metadata: {name: data}
    ///     spec: {accessModes: [ReadWriteMany]}
    /// ```
    ///
    /// ## Use instead
    /// `ReadWriteOnce`; where the driver has it, `ReadWriteOncePod` admits one pod alone.
    ///
    /// ## Fix
    /// None: the StorageClass may give nothing else.
    ///
    /// ## Exemptions
    /// `stsguard.dev/exempt-shared-access-mode` on the StatefulSet.
    ///
    /// ## References
    /// - PostgreSQL documentation, section "Creating a Database Cluster", "File Systems": NFS.
    /// - Kubernetes documentation, "Persistent Volumes", section "Access Modes".
    pub SharedAccessMode {
        code: "STS210", name: "shared-access-mode", since: "0.1",
        hooks: [StatefulSet],
        default: [Audit, Warn, Warn]
    }
}

impl Rule for SharedAccessMode {
    fn stateful_set(&self, set: &Workload<'_, StatefulSet>, cx: &Context<'_>, found: &mut Findings<'_, '_>) {
        for Lying { server, backing, .. } in lying(set, cx, is_for_many) {
            let name = &backing.mount.name;
            let index = set.claim_templates().iter().position(|template| template.name() == name).unwrap_or_default();
            let at = Pointer::new("/spec/volumeClaimTemplates").index(index).field("spec").field("accessModes");
            found
                .server(&server, at)
                .say(format!("the data of {} is on the ReadWriteMany claim template {name:?}", server.engine.title))
                .help("use ReadWriteOnce or ReadWriteOncePod and a StorageClass of block volumes");
        }
    }
}

fn is_for_many(backing: &Backing<'_>) -> bool {
    let BackingSource::ClaimTemplate(template) = backing.source else { return false };
    template.spec.access_modes.iter().any(|mode| mode == "ReadWriteMany")
}

#[cfg(test)]
mod tests {
    use crate::rules::harness;
    use serde_json::json;

    fn with(image: &str, path: &str, mode: &str) -> usize {
        let container = json!({"name": "db", "image": image, "volumeMounts": [{"name": "data", "mountPath": path}]});
        let templates = json!([{"metadata": {"name": "data"}, "spec": {"accessModes": [mode]}}]);
        let spec = json!({"template": {"spec": {"containers": [container]}}, "volumeClaimTemplates": templates});
        harness::create("STS210", &json!({ "spec": spec })).len()
    }

    #[test]
    fn finds_data_on_a_shared_file_system() {
        assert_eq!(with("mysql:8.4", "/var/lib/mysql", "ReadWriteMany"), 1);
        assert_eq!(with("mysql", "/var/lib/mysql", "ReadWriteMany"), 1, "whatever the major");
    }

    #[test]
    fn accepts_other_modes_and_files_that_are_not_the_servers_data() {
        for mode in ["ReadWriteOnce", "ReadWriteOncePod", "ReadOnlyMany"] {
            assert_eq!(with("mysql:8.4", "/var/lib/mysql", mode), 0, "{mode}");
        }
        assert_eq!(with("mysql:8.4", "/backup", "ReadWriteMany"), 0);
        assert_eq!(with("acme/app:1", "/var/lib/mysql", "ReadWriteMany"), 0);
        assert_eq!(with("postgres", "/var/lib/postgresql/data", "ReadWriteMany"), 0, "18 would not start");
    }
}
