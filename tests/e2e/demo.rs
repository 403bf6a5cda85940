//! A live Kubernetes control plane to look at: `make demo`, or `cargo run --example demo`.
//!
//! With `KEEP=1` it ends in a shell inside the cluster, with kubectl and helm set up.

#![allow(dead_code, reason = "the tests use other parts of the cluster")]

use std::{env, process::ExitCode};

use anyhow::{Context, Result};
use tokio::runtime::Runtime;

use self::cluster::{
    Cluster, Options,
    isolation::{Half, Place, enter},
    sandbox,
};

mod cluster;

fn main() -> ExitCode {
    sandbox::take_part();
    let code = enter().and_then(|half| match half {
        Half::Outer(code) => Ok(code),
        Half::Inner(place) => inner(&place),
    });
    code.unwrap_or_else(|error| {
        eprintln!("the demonstration cannot run: {error:#}");
        ExitCode::FAILURE
    })
}

fn inner(place: &Place) -> Result<ExitCode> {
    Runtime::new()?.block_on(async {
        tokio::select! {
            done = show(place) => done.map(|()| ExitCode::SUCCESS),
            never = place.interrupted() => match never? {},
        }
    })
}

async fn show(place: &Place) -> Result<()> {
    println!("starting etcd, kube-apiserver and kube-controller-manager");
    let options = Options { pretend_ready: vec!["*".into()], ..Options::default() };
    let cluster = Cluster::start(place, options).await.context("starting the cluster")?;
    print!("{}", cluster.kubectl(["version"]).ok().await?);
    println!("Helm: {}", cluster.helm(["version", "--short"]).ok().await?.trim_end());
    if env::var_os("KEEP").is_some_and(|keep| !keep.is_empty() && keep != "0") {
        println!("\na shell inside the cluster (kubectl and helm are set up; `exit` ends the cluster):");
        cluster.shell().await?;
    }
    cluster.stop().await
}
