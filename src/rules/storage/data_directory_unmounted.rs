use super::placement::{Fault, Misplaced, misplaced};
use crate::kubernetes::{RunsPods, StatefulSet};
use crate::rule::{Context, Described, Findings, Rule, Workload, rule};

rule! {
    /// Servers that keep their data beside the claims that are meant for it.
    ///
    /// ## What it does
    /// Finds servers of sets with claim templates whose data directory is on no mount, or on an `emptyDir`, although the
    /// server's container mounts a claim, or no container mounts any. It is silent where a configuration file could move the
    /// data, and for a cache beside the container that the claims are for.
    ///
    /// ## Why it matters
    /// The claim is made, paid for and never written. The data lies in the container's own layer or in a directory of the
    /// pod, and is gone with it: after the first restart the database is empty.
    ///
    /// ## Example
    /// ```yaml
    /// image: mysql:8.4            # keeps its data in /var/lib/mysql
    /// volumeMounts:
    ///   - {name: data, mountPath: /data}
    /// ```
    ///
    /// ## Use instead
    /// ```yaml
    /// image: mysql:8.4
    /// volumeMounts:
    ///   - {name: data, mountPath: /var/lib/mysql}
    /// ```
    ///
    /// ## Fix
    /// None: data that is there must be copied out of the running container first.
    ///
    /// ## Exemptions
    /// `stsguard.dev/exempt-data-directory-unmounted` on the StatefulSet.
    ///
    /// ## References
    /// - tektoncd/results#153: a claim mounted beside the data directory, lost data.
    pub DataDirectoryUnmounted {
        code: "STS204", name: "data-directory-unmounted", since: "0.1",
        hooks: [StatefulSet],
        default: [Warn, Warn, Deny]
    }
}

impl Rule for DataDirectoryUnmounted {
    fn stateful_set(&self, set: &Workload<'_, StatefulSet>, cx: &Context<'_>, found: &mut Findings<'_, '_>) {
        for Misplaced { server, fault, by_major } in misplaced(self.info(), set, cx) {
            let Fault::Unmounted { path, on } = fault else { continue };
            let mounts = server.slot.pointer(StatefulSet::POD).field("volumeMounts");
            let at = on.as_ref().map_or_else(|| mounts.clone(), |backing| mounts.clone().index(backing.mount_index));
            let place = on.map_or("on no volume", |_| "on an emptyDir");
            found
                .server(&server, at)
                .say(by_major.unwrap_or_else(|| format!("data directory {path} is {place}, not on the set's claim")))
                .help(format!("mount the claim at {path} or above it; copy the data out before a pod restarts"));
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::rules::harness;
    use serde_json::{Value, json};

    fn created(image: &str, mounts: &Value, other: &Value) -> usize {
        let container = json!({"name": "db", "image": image, "volumeMounts": mounts});
        let containers = json!([container, {"name": "app", "image": "acme/app", "volumeMounts": other}]);
        let pod = json!({"containers": containers, "volumes": [{"name": "scratch", "emptyDir": {}}]});
        let templates = json!([{"metadata": {"name": "data"}}]);
        let spec = json!({"template": {"spec": pod}, "volumeClaimTemplates": templates});
        harness::create("STS204", &json!({ "spec": spec })).len()
    }

    fn on(path: &str) -> Value {
        json!([{"name": "data", "mountPath": path}])
    }

    #[test]
    fn finds_data_beside_the_claim() {
        for image in ["mysql:8.4", "postgres:16", "postgres:18", "postgres", "postgres@sha256:00", "redis:7"] {
            assert_eq!(created(image, &on("/srv/data"), &json!([])), 1, "{image}");
        }
        assert_eq!(created("mysql:8.4", &json!([]), &json!([])), 1, "nobody mounts the claim");
        let scratch =
            json!([{"name": "data", "mountPath": "/srv"}, {"name": "scratch", "mountPath": "/var/lib/postgresql"}]);
        assert_eq!(created("postgres:18", &scratch, &json!([])), 1, "on an emptyDir");
    }

    #[test]
    fn accepts_data_on_the_claim_and_caches_beside_another_container() {
        assert_eq!(created("mysql:8.4", &on("/var/lib/mysql"), &json!([])), 0);
        assert_eq!(created("mysql:8.4", &on("/var/lib"), &json!([])), 0);
        assert_eq!(created("redis:7", &json!([]), &on("/app")), 0);
        assert_eq!(created("cassandra:4.1", &on("/var/lib/cassandra/data"), &json!([])), 0, "its tables are on it");
    }

    #[test]
    fn knows_nothing_where_a_configuration_file_may_move_the_data() {
        let mounts =
            json!([{"name": "data", "mountPath": "/srv"}, {"name": "config", "mountPath": "/etc/mysql/conf.d"}]);
        assert_eq!(created("mysql:8.4", &mounts, &json!([])), 0);
    }

    #[test]
    fn leaves_a_mount_that_the_image_refuses_to_its_rule() {
        assert_eq!(created("postgres:18", &on("/var/lib/postgresql/data"), &json!([])), 0);
    }
}
