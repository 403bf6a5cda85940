//! Captures the reviews that the benchmarks use, from a real API server: `cargo run --example capture`.
//!
//! A webhook that judges like stsguard and writes down each review of a StatefulSet or Service is registered at both
//! paths; then kubectl applies the manifests in `benches/manifests`. What it writes goes to `benches/reviews`.

#![allow(dead_code, reason = "the tests use other parts of the cluster")]

use std::{convert::Infallible, fs, path::Path, process::ExitCode, sync::Arc};

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
use stsguard::{
    admission::{Endpoint, Review},
    certificates::local,
    evaluation::Answers,
    policy::Policy,
};
use tokio::{net::TcpListener, runtime::Runtime};
use tokio_rustls::TlsAcceptor;

use self::{
    cluster::{
        Cluster, Options,
        isolation::{Half, Place, enter},
        sandbox,
    },
    facts::AllIsWell,
};

mod cluster;
#[path = "../../benches/facts.rs"]
mod facts;

/// What the benchmarks read.
const WANTED: [&str; 5] = [
    "validate-create-service-orders.json",
    "mutate-create-statefulset-orders.json",
    "validate-create-statefulset-orders.json",
    "mutate-update-statefulset-ledger.json",
    "validate-update-statefulset-ledger.json",
];

fn main() -> ExitCode {
    sandbox::take_part();
    let code = enter().and_then(|half| match half {
        Half::Outer(code) => Ok(code),
        Half::Inner(place) => inner(&place),
    });
    code.unwrap_or_else(|error| {
        eprintln!("nothing can be captured: {error:#}");
        ExitCode::FAILURE
    })
}

fn inner(place: &Place) -> Result<ExitCode> {
    Runtime::new()?.block_on(async {
        tokio::select! {
            done = capture(place) => done.map(|()| ExitCode::SUCCESS),
            never = place.interrupted() => match never? {},
        }
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
                    {"apiGroups": ["apps"], "apiVersions": ["v1"], "resources": ["statefulsets"], "operations": operations},
                    {"apiGroups": [""], "apiVersions": ["v1"], "resources": ["services"], "operations": operations},
                ],
                "matchConditions": [{"name": "shop", "expression": "request.namespace == 'shop'"}],
            }],
        })
    };
    let items = [
        webhook("MutatingWebhookConfiguration", "/mutate", &["CREATE", "UPDATE"]),
        webhook("ValidatingWebhookConfiguration", "/validate", &["CREATE", "UPDATE"]),
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
        let review = Review::parse(&body).map_err(|_| anyhow::anyhow!("{file} cannot be read"))?;
        let decision = review.decide(endpoint, &Policy::default(), &AllIsWell, &Answers::new());
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
