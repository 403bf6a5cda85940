//! What scenarios are written with: a namespace of their own, the tutorial's manifests, and what the API server said.

use anyhow::{Context, Result, bail, ensure};
use http::Request;
use serde_json::{Value, json};
use test_cluster::{Cluster, api_server::Server, call::Output};

/// A namespace with the tutorial's objects in it.
pub struct Shop<'a> {
    /// The cluster.
    pub cluster: &'a Cluster,
    /// The namespace.
    pub namespace: String,
    /// The API server that is asked.
    pub server: Server,
}

/// What the API server answered to a request made without kubectl.
#[derive(Debug)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The admission warnings.
    pub warnings: Vec<String>,
    /// The object, or the Status.
    pub body: Value,
}

impl<'a> Shop<'a> {
    /// A fresh namespace.
    pub async fn open(cluster: &'a Cluster) -> Result<Self> {
        Ok(Self::within(cluster, cluster.namespace().await?))
    }

    /// A namespace that is there already.
    pub fn within(cluster: &'a Cluster, namespace: impl Into<String>) -> Self {
        Self { cluster, namespace: namespace.into(), server: Server::First }
    }

    /// The same namespace at one of the API servers.
    pub fn at(&self, server: Server) -> Self {
        Self { namespace: self.namespace.clone(), server, ..*self }
    }

    /// `kubectl -n <namespace>` with these words.
    pub async fn kubectl(&self, line: &str) -> Result<Output> {
        self.kubectl_with(line, None).await
    }

    /// The same with an object on standard input.
    pub async fn kubectl_with(&self, line: &str, object: Option<&Value>) -> Result<Output> {
        loop {
            let words = ["-n", &self.namespace].into_iter().chain(line.split(' ')).map(str::to_owned);
            let call = self.cluster.kubectl(words).server(self.server);
            let output = match object {
                Some(object) => call.stdin(object.to_string()).output().await,
                None => call.output().await,
            }?;
            // The controller writes the status meanwhile: kubectl asks to try again.
            if !output.stderr.contains("the object has been modified") {
                return Ok(output);
            }
        }
    }

    /// `kubectl apply -f -`.
    pub async fn apply(&self, object: &Value) -> Result<Output> {
        self.kubectl_with("apply -f -", Some(object)).await
    }

    /// Applies an object and expects that it passes without a word.
    pub async fn apply_calmly(&self, object: &Value) -> Result<()> {
        let output = self.apply(object).await?;
        ensure!(codes(&output.stderr).is_empty(), "expected no warning: {output}");
        output.ok()?;
        Ok(())
    }

    /// The stored StatefulSet `postgres`.
    pub async fn stored(&self) -> Result<Value> {
        self.get("statefulset postgres").await
    }

    /// A stored object.
    pub async fn get(&self, what: &str) -> Result<Value> {
        let text = self.kubectl(&format!("get {what} -o json")).await?.ok()?;
        serde_json::from_str(&text).context("kubectl prints JSON")
    }

    /// Creates an object with nothing between us and the API server, so that requests follow each other at once.
    pub async fn post(&self, object: &Value) -> Result<Answer> {
        let plural = match object["kind"].as_str() {
            Some("Service") => "api/v1/namespaces/{}/services",
            Some("StatefulSet") => "apis/apps/v1/namespaces/{}/statefulsets",
            Some("PersistentVolume") => "api/v1/persistentvolumes",
            other => bail!("no path for {other:?}"),
        };
        let path = format!("/{}", plural.replace("{}", &self.namespace));
        let request = Request::post(path).header("content-type", "application/json");
        let response =
            self.cluster.client_of(self.server).send(request.body(object.to_string().into_bytes().into())?).await?;
        let status = response.status().as_u16();
        let warnings = response.headers().get_all("warning").iter();
        let warnings = warnings.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).collect();
        let body = http_body_util::BodyExt::collect(response.into_body()).await?.to_bytes();
        Ok(Answer { status, warnings, body: serde_json::from_slice(&body)? })
    }
}

/// The minor version of the API server: 30 of 1.30.
pub async fn kubernetes_minor(cluster: &Cluster) -> Result<u32> {
    let minor = cluster.client().apiserver_version().await?.minor;
    minor.parse().with_context(|| format!("{minor} is no number"))
}

/// The rule codes in a text, in their order, each once.
pub fn codes(text: &str) -> Vec<String> {
    let mut codes = Vec::new();
    for (start, _) in text.match_indices("STS") {
        let code: String = text[start..].chars().take(6).collect();
        if code.len() == 6 && code[3..].chars().all(|c| c.is_ascii_digit()) && !codes.contains(&code) {
            codes.push(code);
        }
    }
    codes.sort();
    codes
}

/// The tutorial's Service: headless.
pub fn service() -> Value {
    json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"name": "postgres"},
        "spec": {"clusterIP": "None", "selector": {"app": "postgres"}, "ports": [{"port": 5432}]},
    })
}

/// The same Service with a virtual IP.
pub fn cluster_ip_service() -> Value {
    without(service(), "/spec/clusterIP")
}

/// The tutorial's StatefulSet, nothing wrong with it.
pub fn good_set() -> Value {
    let env = json!([
        {"name": "POSTGRES_PASSWORD", "valueFrom": {"secretKeyRef": {"name": "postgres", "key": "password"}}},
        {"name": "PGDATA", "value": "/var/lib/postgresql/data/pgdata"},
    ]);
    let probe = |delay: i32, period: i32| json!({"exec": {"command": ["pg_isready", "-U", "postgres"]}, "initialDelaySeconds": delay, "periodSeconds": period});
    let container = json!({
        "name": "postgres", "image": "postgres:16", "env": env,
        "ports": [{"containerPort": 5432}],
        "readinessProbe": probe(10, 5), "livenessProbe": probe(30, 10),
        "volumeMounts": [{"name": "data", "mountPath": "/var/lib/postgresql/data"}],
    });
    let claim = json!({
        "accessModes": ["ReadWriteOnce"], "storageClassName": "standard",
        "resources": {"requests": {"storage": "10Gi"}},
    });
    json!({
        "apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "postgres"},
        "spec": {
            "serviceName": "postgres", "replicas": 3, "podManagementPolicy": "OrderedReady",
            "selector": {"matchLabels": {"app": "postgres"}},
            "template": {
                "metadata": {"labels": {"app": "postgres"}},
                "spec": {"terminationGracePeriodSeconds": 60, "containers": [container]},
            },
            "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": claim}],
        },
    })
}

/// Where the tutorial's container stands.
pub const CONTAINER: &str = "/spec/template/spec/containers/0";
/// Where the grace period stands.
pub const GRACE: &str = "/spec/template/spec/terminationGracePeriodSeconds";

/// The tutorial's StatefulSet with all three mistakes that admission fixes.
pub fn fixable_set() -> Value {
    let set = without(good_set(), GRACE);
    let set = with(set, "/spec/podManagementPolicy", json!("Parallel"));
    without(set, &format!("{CONTAINER}/env/1"))
}

/// `object` with the value at `pointer` set.
pub fn with(mut object: Value, pointer: &str, value: Value) -> Value {
    let (parent, key) = pointer.rsplit_once('/').expect("a pointer starts with a slash");
    match object.pointer_mut(parent).expect("the parent exists") {
        Value::Array(list) if key == "-" => list.push(value),
        Value::Array(list) => list[key.parse::<usize>().expect("an index")] = value,
        parent => parent[key] = value,
    }
    object
}

/// `object` without what is at `pointer`.
pub fn without(mut object: Value, pointer: &str) -> Value {
    let (parent, key) = pointer.rsplit_once('/').expect("a pointer starts with a slash");
    match object.pointer_mut(parent).expect("the parent exists") {
        Value::Array(list) => drop(list.remove(key.parse().expect("an index"))),
        Value::Object(map) => drop(map.remove(key).expect("the member exists")),
        other => unreachable!("{other} has no members"),
    }
    object
}

/// The PGDATA of the tutorial's container, if it has one.
pub fn pgdata(set: &Value) -> Option<&str> {
    let env = set.pointer(&format!("{CONTAINER}/env"))?.as_array()?;
    env.iter().find(|entry| entry["name"] == "PGDATA")?["value"].as_str()
}

/// The codes that `/mutate` has recorded on a set.
pub fn fixed(set: &Value) -> &str {
    set["metadata"]["annotations"]["stsguard.dev/fixed"].as_str().unwrap_or_default()
}
