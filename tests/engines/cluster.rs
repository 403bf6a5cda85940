//! Starts a test cluster whose pods are ready without a process, and runs a command in it as its administrator; for
//! `make engine-facts`, which asks a DNS server there.

use std::{env, process::ExitCode};

use test_cluster::{Cluster, Options, isolation::isolated, sandbox};

#[path = "../e2e/settings.rs"]
mod settings;

fn main() -> anyhow::Result<ExitCode> {
    sandbox::take_part();
    isolated(&settings::run(), async |place| {
        let mut arguments = env::args().skip(1);
        let program = arguments.next().unwrap_or_else(|| "true".to_owned());
        let options = Options { pretend_ready: vec!["*".to_owned()], ..Options::default() };
        let cluster = Cluster::start(place, options).await?;
        print!("{}", cluster.program(&program, arguments).ok().await?);
        cluster.stop().await?;
        Ok(ExitCode::SUCCESS)
    })
}
