//! The objects and reviews that tests send.

use serde_json::{Value, json};

/// Where a GET of the Service `db` goes.
pub const DB: &str = "/api/v1/namespaces/shop/services/db";

/// The Service `name` in the namespace `shop`: headless, or with a virtual IP.
pub fn service(name: &str, headless: bool) -> Value {
    let address = if headless { "None" } else { "10.96.0.7" };
    json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": "shop"},
        "spec": {"clusterIP": address, "selector": {"app": "db"}, "ports": [{"port": 5432}]},
    })
}

/// A StatefulSet of three behind the Service `db`.
pub fn set() -> Value {
    let container = json!({
        "name": "db", "image": "registry.example/db:1",
        "readinessProbe": {"tcpSocket": {"port": 5432}},
    });
    json!({
        "apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "db", "namespace": "shop"},
        "spec": {
            "serviceName": "db", "replicas": 3, "selector": {"matchLabels": {"app": "db"}},
            "template": {"metadata": {"labels": {"app": "db"}}, "spec": {"containers": [container]}},
        },
    })
}

/// A StatefulSet of PostgreSQL whose data directory is the root of its volume, which `/mutate` fixes.
pub fn fixable_set() -> Value {
    let mut set = set();
    let container = &mut set["spec"]["template"]["spec"]["containers"][0];
    container["image"] = json!("postgres:16");
    container["volumeMounts"] = json!([{"name": "data", "mountPath": "/var/lib/postgresql/data"}]);
    set["spec"]["volumeClaimTemplates"] = json!([{"metadata": {"name": "data"}, "spec": {}}]);
    set
}

/// A review of an object's creation.
pub fn creation(group: &str, resource: &str, object: &Value) -> Value {
    json!({
        "apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview",
        "request": {
            "uid": "0b1f", "operation": "CREATE", "namespace": "shop", "name": object["metadata"]["name"],
            "resource": {"group": group, "version": "v1", "resource": resource},
            "userInfo": {"username": "ann"}, "object": object,
        },
    })
}

/// A review of [`set`]'s creation.
pub fn set_creation() -> Value {
    creation("apps", "statefulsets", &set())
}

/// The lines that a verdict warns with.
pub fn warnings(verdict: &Value) -> Vec<&str> {
    verdict["warnings"].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}
