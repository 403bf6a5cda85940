use crate::kubernetes::{RunsPods, StatefulSet};
use crate::pointer::Pointer;
use crate::rule::{Context, Findings, Rule, Workload, config_map, rule};

rule! {
    /// Replicas of a database that know nothing of each other.
    ///
    /// ## What it does
    /// Finds several replicas of PostgreSQL, MySQL, MariaDB, Percona Server, MongoDB or InfluxDB from their plain images,
    /// where nothing in the pod can make them replicate: no word of it in command, arguments and environment, no other
    /// container but exporters, no script and no configuration that is mounted. What is not seen may do it, and
    /// then it says nothing.
    ///
    /// ## Why it matters
    /// Each pod makes a database of its own. Behind one Service each connection gets one of them: what one writes, the next
    /// does not find, and it looks like lost data. None of them is a copy that could take over.
    ///
    /// ## Example
    /// ```yaml
    /// spec:
    ///   replicas: 3
    ///   template:
    ///     spec: {containers: [{name: postgres, image: "postgres:16"}]}
    /// ```
    ///
    /// ## Use instead
    /// One replica; or an operator, or an image that sets replication up, for PostgreSQL for example CloudNativePG or Patroni.
    ///
    /// ## Fix
    /// None: which of the databases counts is not known.
    ///
    /// ## Exemptions
    /// `stsguard.dev/exempt-independent-databases` on the StatefulSet, for example where clients name each pod, or where
    /// replication was set up by hand.
    ///
    /// ## References
    /// - docker-library/postgres, docker-entrypoint.sh; Kubernetes documentation, "Run a Replicated Stateful Application".
    pub IndependentDatabases {
        code: "STS504", name: "independent-databases", since: "0.1",
        hooks: [StatefulSet],
        default: [Off, Audit, Warn]
    }
}

impl Rule for IndependentDatabases {
    fn stateful_set(&self, set: &Workload<'_, StatefulSet>, cx: &Context<'_>, found: &mut Findings<'_, '_>) {
        let replicas = set.replicas();
        if replicas < 2 {
            return;
        }
        let Some(server) = set
            .leading()
            .filter(|server| server.is_independent(set.pod(), set.claim_templates(), &|name| config_map(cx, name)))
        else {
            return;
        };
        found
            .server(server, Pointer::new("/spec/replicas"))
            .say(format!(
                "nothing here makes these {replicas} {} servers replicate: each has a database of its own",
                server.engine.title
            ))
            .help("use one replica, or an operator or image that sets replication up");
    }
}

#[cfg(test)]
mod tests {
    use crate::facts::{ConfigMapFacts, InMemory};
    use crate::rules::harness;
    use serde_json::{Value, json};

    fn created(replicas: i32, pod: &Value, facts: &InMemory) -> Vec<String> {
        let templates = json!([{"metadata": {"name": "data"}}]);
        let spec = json!({"replicas": replicas, "template": {"spec": pod}, "volumeClaimTemplates": templates});
        harness::create_with("STS504", &json!({ "spec": spec }), facts)
    }

    fn messages(image: &str, container: &Value) -> Vec<String> {
        let mut container = container.clone();
        container["name"] = json!("db");
        container["image"] = json!(image);
        created(3, &json!({"containers": [container]}), &InMemory::default())
    }

    #[test]
    fn finds_plain_images_that_nothing_tells_of_each_other() {
        assert_eq!(
            messages("postgres:16", &json!({"args": ["-c", "max_connections=200"]})),
            ["nothing here makes these 3 PostgreSQL servers replicate: each has a database of its own"]
        );
        let mounts = json!({"volumeMounts": [{"name": "data", "mountPath": "/var/lib/mysql"}]});
        for image in
            ["mysql:8.4", "mariadb:11", "percona:8.0", "mongo:7", "influxdb:2.7", "registry.example.com/postgres:16"]
        {
            assert_eq!(messages(image, &mounts).len(), 1, "{image}");
        }
    }

    #[test]
    fn accepts_a_single_one_and_servers_that_find_each_other_or_that_nobody_knows() {
        let pod = json!({"containers": [{"name": "db", "image": "postgres:16"}]});
        assert!(created(1, &pod, &InMemory::default()).is_empty() && created(0, &pod, &InMemory::default()).is_empty());
        for image in ["cassandra:5", "redis:7", "bitnami/postgresql-repmgr:16", "acme/postgres:16", "acme/ledger:1"] {
            assert!(messages(image, &json!({})).is_empty(), "{image}");
        }
    }

    #[test]
    fn accepts_a_word_of_replication() {
        for (image, container) in [
            ("postgres:16", json!({"args": ["-c", "hot_standby=on"]})),
            ("bitnami/postgresql:16", json!({"env": [{"name": "POSTGRES_REPLICATION_MODE", "value": "slave"}]})),
            ("mysql:8.4", json!({"args": ["--server-id=1"]})),
            ("mariadb:11", json!({"env": [{"name": "MARIADB_MASTER_HOST", "value": "db-0"}]})),
            ("mongo:7", json!({"args": ["mongod", "--replSet", "rs0"]})),
            ("postgres:16", json!({"command": ["/scripts/start.sh"]})),
        ] {
            assert!(messages(image, &container).is_empty(), "{image} {container}");
        }
    }

    #[test]
    fn accepts_what_other_containers_and_files_may_do() {
        let nothing = InMemory::default();
        let beside = |other: &Value| json!({"containers": [{"name": "db", "image": "mongo:7"}, other]});
        assert!(
            created(3, &beside(&json!({"name": "s", "image": "cvallance/mongo-k8s-sidecar"})), &nothing).is_empty()
        );
        assert_eq!(
            created(3, &beside(&json!({"name": "s", "image": "bitnami/mongodb-exporter:1"})), &nothing).len(),
            1
        );
        let init =
            json!({"containers": [{"name": "db", "image": "mysql:8.4"}], "initContainers": [{"image": "busybox"}]});
        assert!(created(3, &init, &nothing).is_empty());
        let mount = json!([{"name": "scripts", "mountPath": "/docker-entrypoint-initdb.d"}]);
        let scripts = json!({
            "containers": [{"name": "db", "image": "mysql:8.4", "volumeMounts": mount}],
            "volumes": [{"name": "scripts", "configMap": {"name": "scripts"}}],
        });
        assert!(created(3, &scripts, &nothing).is_empty());
    }

    #[test]
    fn looks_into_config_maps_that_are_seen() {
        let from = json!([{"configMapRef": {"name": "db"}}]);
        let pod = json!({"containers": [{"name": "db", "image": "postgres:16", "envFrom": from}]});
        assert!(created(3, &pod, &InMemory::default()).is_empty());
        for (data, expected) in [(json!({"POSTGRES_DB": "shop"}), 1), (json!({"PG_MODE": "Replica"}), 0)] {
            let mut facts = InMemory::default().knowing::<ConfigMapFacts>();
            let manifest = json!({"kind": "ConfigMap", "metadata": {"name": "db"}, "data": data});
            facts.put_manifest(harness::NAMESPACE, &manifest).expect("a map");
            assert_eq!(created(3, &pod, &facts).len(), expected, "{data}");
        }
    }
}
