//! Captures the reviews that tests and benchmarks use, from a real API server: `cargo run --example capture`.
//!
//! A webhook that judges like stsguard and writes down each review of a StatefulSet, Service or Deployment is registered at both
//! paths. Then kubectl applies the manifests in `benches/manifests`, whose reviews go to `benches/reviews`, and takes the
//! steps of `STORY`, whose reviews go to `tests/reviews/captured`.

use std::{
    convert::Infallible,
    fs,
    path::Path,
    process::ExitCode,
    sync::{Arc, Mutex},
};

use anyhow::{Context, Result};
use base64::Engine as _;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::{
    body::{Bytes, Incoming},
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};
use serde_json::{Value, json};
use stsguard::rules;
use stsguard::{
    admission::{Endpoint, Review},
    certificates::local,
    facts::Answers,
    rule::Profile,
};
use test_cluster::{
    Cluster, Options,
    isolation::{Place, isolated},
    sandbox,
};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use self::facts::AllIsWell;

#[path = "../../benches/facts.rs"]
mod facts;
mod settings;

/// What the benchmarks read.
const WANTED: [&str; 5] = [
    "validate-create-service-orders.json",
    "mutate-create-statefulset-orders.json",
    "validate-create-statefulset-orders.json",
    "mutate-update-statefulset-ledger.json",
    "validate-update-statefulset-ledger.json",
];

/// What happens to one set, its Service and a Deployment: the step's name, kubectl's words, and the manifest that it reads.
const STORY: [(&str, &str, &str); 16] = [
    ("service-created", "apply -f -", SERVICE),
    ("set-created", "apply -f -", SET),
    ("set-created-server-side", "apply --server-side -f -", SET_IN_NEED),
    ("set-applied-again", "apply --server-side --force-conflicts -f -", SET),
    ("set-dry-run", "apply --dry-run=server -f -", SET_IN_NEED),
    ("set-labelled", "label statefulset db team=payments", ""),
    ("set-scaled", "scale statefulset db --replicas=3", ""),
    ("set-image-changed", "set image statefulset/db db=postgres:18", ""),
    ("service-changed", "patch service db -p {\"spec\":{\"publishNotReadyAddresses\":true}}", ""),
    ("service-recreated", "create --dry-run=server -f -", CLUSTER_IP),
    ("set-orphaned", "delete statefulset db --cascade=orphan", ""),
    ("set-deleted", "delete statefulset db-new --wait=false", ""),
    ("service-deleted", "delete service db", ""),
    ("deployment-created", "apply -f -", DEPLOYMENT),
    ("deployment-image-changed", "set image deployment/reports db=postgres:16.6", ""),
    ("deployment-labelled", "label deployment reports team=payments", ""),
];
const SERVICE: &str = include_str!("../reviews/story/service.yaml");
const CLUSTER_IP: &str = include_str!("../reviews/story/cluster-ip.yaml");
const SET: &str = include_str!("../reviews/story/set.yaml");
const DEPLOYMENT: &str = include_str!("../reviews/story/deployment.yaml");
const SET_IN_NEED: &str = include_str!("../reviews/story/set-in-need.yaml");

/// The step that is under way.
static STEP: Mutex<&str> = Mutex::new("");

fn main() -> ExitCode {
    sandbox::take_part();
    let done = isolated(&settings::run(), async |place| capture(place).await.map(|()| ExitCode::SUCCESS));
    done.unwrap_or_else(|error| {
        eprintln!("nothing can be captured: {error:#}");
        ExitCode::FAILURE
    })
}

async fn capture(place: &Place) -> Result<()> {
    let options = Options { pretend_ready: vec!["*".into()], ..Options::default() };
    let cluster = Cluster::start(place, options).await.context("starting the cluster")?;
    let pair = local::make(&["127.0.0.1".to_owned()])?;
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let port = listener.local_addr()?.port();
    let tls = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(
            vec![CertificateDer::from_pem_slice(pair.certificate.as_bytes())?],
            PrivateKeyDer::from_pem_slice(pair.key.as_bytes())?,
        )?;
    let record = tokio::spawn(record(listener, TlsAcceptor::from(Arc::new(tls))));
    cluster.kubectl(["create", "namespace", "shop"]).ok().await?;
    cluster.kubectl(["apply", "-f", "-"]).stdin(webhooks(port, &pair.ca).to_string()).ok().await?;
    tokio::time::sleep(std::time::Duration::from_secs(3)).await; // until the API server has heard of them

    let manifest = |name: &str| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/manifests").join(name);
        fs::read_to_string(&path).with_context(|| path.display().to_string())
    };
    let ledger = manifest("ledger.yaml")?;
    let apply = ["apply", "-f", "-"];
    cluster.kubectl(apply).stdin(manifest("orders.yaml")?).ok().await?;
    cluster.kubectl(apply).stdin(ledger.clone()).ok().await?;
    let limits = json!({
        "apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "ledger", "namespace": "shop"},
        "spec": {"template": {"spec": {"containers": [
            {"name": "pooler", "resources": {"limits": {"memory": "128Mi"}}},
        ]}}},
    });
    let words = ["apply", "--server-side", "--force-conflicts", "--field-manager=platform", "-f", "-"];
    cluster.kubectl(words).stdin(limits.to_string()).ok().await?;
    cluster.kubectl(apply).stdin(ledger.replace("postgres:16.4", "postgres:16.6")).ok().await?;

    cluster.kubectl(["create", "namespace", "story"]).ok().await?;
    for (step, words, manifest) in STORY {
        *STEP.lock().expect("nothing panics with it") = step;
        let words = ["-n", "story"].into_iter().chain(words.split(' '));
        // A step may be denied: its review is what is wanted.
        let output = cluster.kubectl(words).stdin(manifest).output().await?;
        println!("{step}: {}{}", output.stdout.trim_end(), output.stderr.trim_end());
    }
    record.abort();
    cluster.stop().await
}

fn webhooks(port: u16, ca: &str) -> Value {
    let webhook = |kind: &str, path: &str, operations: &[&str]| {
        json!({
            "apiVersion": "admissionregistration.k8s.io/v1", "kind": kind, "metadata": {"name": "capture"},
            "webhooks": [{
                "name": "capture.stsguard.dev", "sideEffects": "None", "admissionReviewVersions": ["v1"],
                "clientConfig": {
                    "url": format!("https://127.0.0.1:{port}{path}"),
                    "caBundle": base64::engine::general_purpose::STANDARD.encode(ca),
                },
                "rules": [
                    {"apiGroups": ["apps"], "apiVersions": ["v1"],
                     "resources": ["statefulsets", "statefulsets/scale", "deployments"], "operations": operations},
                    {"apiGroups": [""], "apiVersions": ["v1"], "resources": ["services"], "operations": operations},
                ],
                "matchConditions": [{"name": "shop", "expression": "request.namespace in ['shop', 'story']"}],
            }],
        })
    };
    let items = [
        webhook("MutatingWebhookConfiguration", "/mutate", &["CREATE", "UPDATE"]),
        webhook("ValidatingWebhookConfiguration", "/validate", &["CREATE", "UPDATE", "DELETE"]),
    ];
    json!({"apiVersion": "v1", "kind": "List", "items": items})
}

async fn record(listener: TcpListener, tls: TlsAcceptor) -> Result<()> {
    loop {
        let (stream, _) = listener.accept().await?;
        let tls = tls.clone();
        tokio::spawn(async move {
            let stream = tls.accept(stream).await?;
            hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service_fn(answer))
                .await?;
            anyhow::Ok(())
        });
    }
}

async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let (endpoint, path) = match request.uri().path() {
        "/mutate" => (Endpoint::Mutate, "mutate"),
        _ => (Endpoint::Validate, "validate"),
    };
    let answered = async {
        let body = request.into_body().collect().await?.to_bytes();
        let review: Value = serde_json::from_slice(&body)?;
        let about = |pointer: &str| review.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_lowercase();
        let (operation, kind, name) =
            (about("/request/operation"), about("/request/kind/kind"), about("/request/name"));
        let file = format!("{path}-{operation}-{kind}-{name}.json");
        if WANTED.contains(&file.as_str()) {
            // Of several updates the last one stays.
            fs::write(Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/reviews").join(&file), &body)?;
            println!("{file}: {} bytes", body.len());
        }
        // Controllers answer to what kubectl does; theirs come at no certain step.
        if about("/request/namespace") == "story" && !about("/request/userInfo/username").starts_with("system:") {
            let step = *STEP.lock().expect("nothing panics with it");
            let file = format!("{step}.{path}.json");
            fs::write(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reviews/captured").join(&file), &body)?;
        }
        let review = Review::parse(&body).map_err(|_| anyhow::anyhow!("{file} cannot be read"))?;
        let decision = review.decide(endpoint, &rules::policy(Profile::Recommended), &AllIsWell, &Answers::new());
        anyhow::Ok(review.answer(&decision.verdict))
    };
    Ok(match answered.await {
        Ok(answer) => Response::new(Full::new(Bytes::from(answer))),
        Err(error) => {
            let mut response = Response::new(Full::new(Bytes::from(format!("{error:#}"))));
            *response.status_mut() = http::StatusCode::INTERNAL_SERVER_ERROR;
            response
        }
    })
}
