use crate::engines::{self, BackingSource, DataDirectory, Server, SetBy};
use crate::kubernetes::{Deployment, RunsPods};
use crate::rule::{Context, Findings, Rule, Workload, data_directory, rule};

rule! {
    /// Databases that run as Deployments.
    ///
    /// ## What it does
    /// Finds Deployments whose container runs a database server with its own data directory on a claim. Caches, brokers
    /// and Prometheus are not meant. At admission it speaks where the chart's value `webhook.deployments` is true.
    ///
    /// ## Why it matters
    /// A Deployment starts the new pod before the old one has ended. Two servers then open the same files, or the new pod
    /// waits for a volume that the old one holds. Pods have no stable names, and more replicas share one claim.
    ///
    /// ## Example
    /// ```yaml
    /// kind: Deployment
    /// spec:
    ///   template:
    ///     spec:
    ///       containers: [{name: postgres, image: "postgres:16"}]
    /// ```
    ///
    /// ## Use instead
    /// A StatefulSet with a claim template and a headless Service. A single database may stay a Deployment with
    /// `strategy: {type: Recreate}` and this rule exempt.
    ///
    /// ## Fix
    /// None.
    ///
    /// ## Exemptions
    /// `stsguard.dev/exempt-database-in-deployment` on the Deployment.
    ///
    /// ## References
    /// - Kubernetes documentation, "StatefulSet", section "Using StatefulSets".
    pub DatabaseInDeployment {
        code: "STS601", name: "database-in-deployment", since: "0.1",
        hooks: [Deployment],
        default: [Audit, Warn, Deny]
    }
}

impl Rule for DatabaseInDeployment {
    fn deployment(&self, deployment: &Workload<'_, Deployment>, cx: &Context<'_>, found: &mut Findings<'_, '_>) {
        for server in deployment.servers.iter().filter(|server| server.engine.database) {
            let possible = server.possible();
            if !possible.iter().all(|server| keeps_data_on_a_claim(deployment, server, cx)) {
                continue;
            }
            let server = &possible[0];
            found
                .server(server, server.slot.pointer(Deployment::POD).field("image"))
                .say(format!("{} with its data on a claim runs as a Deployment", server.engine.title))
                .help("make it a StatefulSet with a claim template and a headless Service");
        }
    }
}

/// Whether the server's own data directory is on a claim; or a claim is where its image takes it for such a directory, and
/// refuses it because it now keeps its data elsewhere.
fn keeps_data_on_a_claim(deployment: &Workload<'_, Deployment>, server: &Server<'_>, cx: &Context<'_>) -> bool {
    let DataDirectory::Known(directory) = data_directory(server, cx) else { return false };
    let is_claim = |path: &str| {
        engines::backing(path, server.container, deployment.pod(), &[])
            .is_some_and(|backing| matches!(backing.source, BackingSource::Claim(_) | BackingSource::Ephemeral))
    };
    is_claim(&directory.path)
        || (directory.set_by == SetBy::Image && server.is_assumed && server.refuses_mount().is_some_and(is_claim))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluation::Subject;
    use crate::facts::InMemory;
    use crate::rule::Occasion;
    use crate::rules::harness;
    use serde_json::{Value, json};

    fn deployed(image: &str, volume: &Value) -> usize {
        let mounts =
            json!([{"name": "data", "mountPath": "/var/lib/postgresql/data"}, {"name": "data", "mountPath": "/data"}]);
        let container = json!({"name": "db", "image": image, "volumeMounts": mounts});
        let pod = json!({"containers": [container], "volumes": [volume]});
        let deployment: Deployment = harness::read(&json!({"spec": {"template": {"spec": pod}}}));
        let subject = Subject::Deployment { deployment: &deployment, old: None };
        harness::findings("STS601", &subject, Occasion::Check, &InMemory::default()).len()
    }

    #[test]
    fn finds_a_database_on_a_claim() {
        let claim = json!({"name": "data", "persistentVolumeClaim": {"claimName": "pg"}});
        for image in ["postgres:16", "postgres", "postgres:latest", "postgres@sha256:00"] {
            assert_eq!(deployed(image, &claim), 1, "{image}");
        }
    }

    #[test]
    fn accepts_an_empty_dir_a_cache_and_a_client() {
        assert_eq!(deployed("postgres:16", &json!({"name": "data", "emptyDir": {}})), 0);
        assert_eq!(deployed("redis:7", &json!({"name": "data", "persistentVolumeClaim": {"claimName": "r"}})), 0);
        assert_eq!(
            deployed("dpage/pgadmin4", &json!({"name": "data", "persistentVolumeClaim": {"claimName": "p"}})),
            0
        );
    }
}
