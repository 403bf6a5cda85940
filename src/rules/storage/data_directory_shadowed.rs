use super::placement::{Fault, Misplaced, misplaced};
use crate::engines;
use crate::kubernetes::{RunsPods, StatefulSet};
use crate::rule::{Context, Described, Findings, Parameter, Policy, Rule, Values, Workload, rule};

rule! {
    /// Claims that an image's own VOLUME hides.
    ///
    /// ## What it does
    /// Finds servers whose claim is mounted above a path that the image declares as a VOLUME, with the data directory at
    /// or below that path: the PostgreSQL image up to major 17 with a mount at `/var/lib/postgresql`.
    ///
    /// ## Why it matters
    /// The container runtime mounts an anonymous volume at a declared VOLUME path that nothing is mounted on. It lies over
    /// the claim, takes all the data, and goes with the container: the database is empty after the next restart, while the
    /// claim was never written.
    ///
    /// ## Example
    /// ```yaml
    /// image: postgres:16
    /// volumeMounts:
    ///   - {name: data, mountPath: /var/lib/postgresql}
    /// ```
    ///
    /// ## Use instead
    /// ```yaml
    /// image: postgres:16
    /// env:
    ///   - {name: PGDATA, value: /var/lib/postgresql/data/pgdata}
    /// volumeMounts:
    ///   - {name: data, mountPath: /var/lib/postgresql/data}
    /// ```
    ///
    /// ## Fix
    /// None: data that is there must be copied out of the running container first.
    ///
    /// ## Exemptions
    /// `stsguard.dev/exempt-data-directory-shadowed` on the StatefulSet. Where the runtime ignores VOLUME (CRI-O's default,
    /// OpenShift), set the rule's parameter `imageVolumes: ignored`.
    ///
    /// ## References
    /// - docker-library/postgres#1163, docker-library/postgres#696.
    pub DataDirectoryShadowed {
        code: "STS203", name: "data-directory-shadowed", since: "0.1",
        hooks: [StatefulSet],
        default: [Warn, Deny, Deny], parameters: [IMAGE_VOLUMES]
    }
}

/// Whether the container runtime mounts an anonymous volume at an image's VOLUME path: containerd does, CRI-O by default
/// (OpenShift) does not.
pub(super) const IMAGE_VOLUMES: Parameter = Parameter {
    code: "STS203",
    name: "imageVolumes",
    values: Values::Words { words: &["anonymous", "ignored"], default: Some("anonymous") },
};

/// Whether an image's VOLUME hides what a claim holds, by the parameter.
pub(super) fn image_volumes_hide(policy: &Policy) -> bool {
    policy.word(&IMAGE_VOLUMES) != Some("ignored")
}

impl Rule for DataDirectoryShadowed {
    fn stateful_set(&self, set: &Workload<'_, StatefulSet>, cx: &Context<'_>, found: &mut Findings<'_, '_>) {
        for Misplaced { server, fault, by_major } in misplaced(self.info(), set, cx) {
            let Fault::Shadowed { shadow, backing } = fault else { continue };
            let mount = engines::normalise(&backing.mount.mount_path);
            let at = server.slot.pointer(StatefulSet::POD).field("volumeMounts").index(backing.mount_index);
            found
                .server(&server, at)
                .say(
                    by_major.unwrap_or_else(|| format!("the VOLUME {shadow} hides the claim at {mount}; data is lost")),
                )
                .help(format!("mount the claim at {shadow}"));
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
        harness::create("STS203", &json!({ "spec": spec })).len()
    }

    #[test]
    fn finds_a_mount_above_the_image_volume() {
        assert_eq!(mounted("postgres:16", "/var/lib/postgresql", ""), 1);
        assert_eq!(mounted("postgres:16", "/var/lib/postgresql/", "/var/lib/postgresql/data/pgdata"), 1);
    }

    #[test]
    fn accepts_a_mount_on_it_and_data_outside_of_it() {
        assert_eq!(mounted("postgres:16", "/var/lib/postgresql/data", ""), 0);
        assert_eq!(mounted("postgres:16", "/var/lib/postgresql", "/var/lib/postgresql/pgdata"), 0);
    }

    #[test]
    fn accepts_the_layout_of_version_18_and_images_of_an_unknown_version() {
        assert_eq!(mounted("postgres:18", "/var/lib/postgresql", ""), 0);
        assert_eq!(mounted("postgres:latest", "/var/lib/postgresql", ""), 0);
    }
}
