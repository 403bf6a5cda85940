use super::placement::{Fault, Misplaced, misplaced};
use crate::kubernetes::{RunsPods, StatefulSet};
use crate::rule::{Context, Described, Findings, Rule, Workload, rule};

rule! {
    /// Mounts that the image's entrypoint refuses to start with.
    ///
    /// ## What it does
    /// Finds the PostgreSQL image of major 18 and later, and images built from it, with a volume at
    /// `/var/lib/postgresql/data` and PGDATA left at its default.
    ///
    /// ## Why it matters
    /// Since 18 the data directory is `/var/lib/postgresql/<major>/docker`. The entrypoint takes a mount at the old place
    /// for an upgrade that would come up empty, and stops with an error: no pod starts.
    ///
    /// ## Example
    /// ```yaml
    /// image: postgres:18
    /// volumeMounts:
    ///   - {name: data, mountPath: /var/lib/postgresql/data}
    /// ```
    ///
    /// ## Use instead
    /// ```yaml
    /// image: postgres:18
    /// volumeMounts:
    ///   - {name: data, mountPath: /var/lib/postgresql}
    /// ```
    ///
    /// ## Fix
    /// None: an existing volume needs pg_upgrade first.
    ///
    /// ## Exemptions
    /// `stsguard.dev/exempt-mount-refused-by-image` on the StatefulSet.
    ///
    /// ## References
    /// - docker-library/postgres#1259 and docker-entrypoint.sh of the image: the check on old databases.
    pub MountRefusedByImage {
        code: "STS205", name: "mount-refused-by-image", since: "0.1",
        hooks: [StatefulSet],
        default: [Deny, Deny, Deny]
    }
}

impl Rule for MountRefusedByImage {
    fn stateful_set(&self, set: &Workload<'_, StatefulSet>, cx: &Context<'_>, found: &mut Findings<'_, '_>) {
        for Misplaced { server, fault, by_major } in misplaced(self.info(), set, cx) {
            let Fault::Refused { mount_index, refused, path } = fault else { continue };
            found
                .server(&server, server.slot.pointer(StatefulSet::POD).field("volumeMounts").index(mount_index))
                .say(
                    by_major
                        .unwrap_or_else(|| format!("this image refuses a mount at {refused}: its data is in {path}")),
                )
                .help("mount a new volume at /var/lib/postgresql; an existing one needs pg_upgrade first");
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::rules::harness;
    use serde_json::json;

    fn mounted(image: &str, path: &str, pgdata: &str) -> usize {
        let env = json!([{"name": "PGDATA", "value": pgdata}]);
        let mounts = json!([{"name": "data", "mountPath": path}]);
        let container = json!({"name": "pg", "image": image, "env": env, "volumeMounts": mounts});
        let templates = json!([{"metadata": {"name": "data"}}]);
        let spec = json!({"template": {"spec": {"containers": [container]}}, "volumeClaimTemplates": templates});
        harness::create("STS205", &json!({ "spec": spec })).len()
    }

    #[test]
    fn finds_the_old_mount_with_version_18() {
        assert_eq!(mounted("postgres:18", "/var/lib/postgresql/data", ""), 1);
        assert_eq!(mounted("postgres:18.1-alpine", "/var/lib/postgresql/data/", "/var/lib/postgresql/18/docker"), 1);
        assert_eq!(mounted("pgvector/pgvector:pg18", "/var/lib/postgresql/data", ""), 1);
    }

    #[test]
    fn accepts_an_explicit_pgdata_which_switches_the_check_off() {
        assert_eq!(mounted("postgres:18", "/var/lib/postgresql/data", "/var/lib/postgresql/data/pgdata"), 0);
    }

    #[test]
    fn accepts_the_new_mount_and_older_or_unknown_versions() {
        assert_eq!(mounted("postgres:18", "/var/lib/postgresql", ""), 0);
        assert_eq!(mounted("postgres:17", "/var/lib/postgresql/data", ""), 0);
        assert_eq!(mounted("postgres", "/var/lib/postgresql/data", ""), 0);
    }
}
