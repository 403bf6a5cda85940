//! What a review costs over TLS, beside a floor: a server of the same stack that answers without parsing.
//!
//! Both servers and this client share the machine, both are measured in turns within one run, and the medians of the
//! rounds are shown; so what matters is the ratio. The server is the real binary, its API server is [`api`]. Bounded:
//! under three minutes, on loopback only.

#![allow(missing_docs, clippy::print_stdout, reason = "a benchmark may")]

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use hyper::body::Bytes;
use stsguard::certificates::local;

use self::api::ApiServer;
use self::client::{Client, Load};
use self::figures::{Figures, Table, median};
use self::process::{Process, start_floor, start_server};
use self::siege::{Kind, Siege};

#[path = "load/api.rs"]
mod api;
#[path = "load/client.rs"]
mod client;
#[path = "load/figures.rs"]
mod figures;
#[path = "load/floor.rs"]
mod floor;
#[path = "load/process.rs"]
mod process;
#[path = "load/siege.rs"]
mod siege;

/// How often everything is measured.
const ROUNDS: usize = 5;
/// How long one measurement takes.
const LONG: Duration = Duration::from_millis(600);
/// How long one at a fixed rate takes.
const PACED: Duration = Duration::from_millis(1500);
/// How often the server is started.
const STARTS: usize = 7;

const CREATE: Request = Request("/validate", include_bytes!("reviews/validate-create-statefulset-orders.json"));
const UPDATE: Request = Request("/validate", include_bytes!("reviews/validate-update-statefulset-ledger.json"));
/// The patch waits for a list of the claims, which is always read live.
const LIVE: Request = Request("/mutate", include_bytes!("reviews/mutate-create-statefulset-orders.json"));

#[derive(Clone, Copy)]
struct Request(&'static str, &'static [u8]);

fn main() -> Result<()> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let runtime = tokio::runtime::Runtime::new()?;
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [floor::ROLE, folder] => runtime.block_on(floor::serve(Path::new(folder))),
        _ => runtime.block_on(run()),
    }
}

async fn run() -> Result<()> {
    let scratch = tempfile::tempdir()?;
    let made = local::write(&scratch.path().join("pair"), &["127.0.0.1".to_owned()])?;
    let folder = made[0].parent().context("a file in a folder")?.to_owned();
    let api = ApiServer::start(10_000, 2_000).await?;
    starts(&api, scratch.path(), &folder).await?;

    let (floor, floor_address) = start_floor(&folder)?;
    let server = start_server(&api, scratch.path(), &folder).await?;
    let floor = Target { client: Client::new(&folder, floor_address)?.into(), process: floor };
    let server = Target { client: Client::new(&folder, server.reviews)?.into(), process: server.process };
    let fresh = server.process.resident()?;
    server.expect(CREATE, "\"allowed\":true").await?;
    server.expect(UPDATE, "\"allowed\":true").await?;
    server.expect(LIVE, "\"patch\"").await?;
    floor.expect(CREATE, "\"allowed\":true").await?;

    let cases = [
        Case("CREATE, 10 KB", CREATE, Load::closed(1, LONG)),
        Case("CREATE, 10 KB", CREATE, Load::closed(8, LONG)),
        Case("CREATE, 10 KB", CREATE, Load::closed(64, LONG)),
        Case("CREATE, 10 KB", CREATE, Load::paced(8, 500, PACED)),
        Case("UPDATE, 46 KB", UPDATE, Load::closed(1, LONG)),
        Case("UPDATE, 46 KB", UPDATE, Load::closed(8, LONG)),
        Case("CREATE, live read", LIVE, Load::closed(1, LONG)),
        Case("CREATE, live read", LIVE, Load::closed(8, LONG)),
    ];
    let mut figures: Vec<[Figures; 2]> = cases.iter().map(|_| Default::default()).collect();
    for round in 0..ROUNDS {
        for (Case(_, request, load), figures) in cases.iter().zip(&mut figures) {
            let mut turns = [(&floor, 0), (&server, 1)];
            if round % 2 == 1 {
                turns.reverse();
            }
            for (target, column) in turns {
                let before = target.process.cpu()?;
                let sample = target.client.run(load, request.0, Bytes::from_static(request.1)).await?;
                figures[column].add(sample, target.process.cpu()?.saturating_sub(before));
            }
        }
    }
    let mut table = Table::new();
    for (Case(name, _, load), [floor, server]) in cases.iter().zip(&figures) {
        table.row(name, load, floor, server);
    }
    println!("\nOver TLS, medians of {ROUNDS} rounds, floor → server (ratio):\n\n{table}");
    println!("Resident memory, 10,000 Services and 2,000 StatefulSets in the stores:");
    println!(
        "floor after the load {} MiB, server when ready {} MiB, server after the load {} MiB",
        floor.process.resident()? >> 10,
        fresh >> 10,
        server.process.resident()? >> 10
    );
    besieged(&server).await
}

/// What good requests feel of hostile clients: quiet and besieged in turns, on new connections each time.
async fn besieged(server: &Target) -> Result<()> {
    println!("\nGood reviews at 500/s beside {} hostile connections, medians of {ROUNDS} rounds:\n", siege::MANY);
    println!("| hostile clients | held | p99 µs, quiet → besieged (ratio) | resident MiB |\n| --- | --- | --- | --- |");
    let load = Load::paced(8, 500, PACED);
    let body = || Bytes::from_static(CREATE.1);
    for kind in Kind::ALL {
        let (mut quiet, mut beside, mut held) = (Figures::default(), Figures::default(), 0);
        for _ in 0..ROUNDS {
            quiet.add(server.client.run(&load, CREATE.0, body()).await?, Duration::ZERO);
            let siege = Siege::lay(kind, &server.client).await;
            beside.add(server.client.run(&load, CREATE.0, body()).await?, Duration::ZERO);
            held = siege.there();
        }
        let (quiet, beside) = (quiet.p99(), beside.p99());
        let resident = server.process.resident()? >> 10;
        println!("| {kind:?} | {held} | {quiet:.0} → {beside:.0} ({:.2}) | {resident} |", beside / quiet);
    }
    Ok(())
}

/// One row: what is asked, and how.
struct Case(&'static str, Request, Load);

struct Target {
    process: Process,
    client: Arc<Client>,
}

impl Target {
    /// A benchmark of the wrong answers would be worth nothing.
    async fn expect(&self, request: Request, part: &str) -> Result<()> {
        let answer = self.client.once(request.0, Bytes::from_static(request.1)).await?;
        let answer = String::from_utf8_lossy(&answer);
        ensure!(answer.contains(part), "{}: expected {part} in {answer}", request.0);
        Ok(())
    }
}

/// How long a start takes: until it listens, and from the last list until it is ready.
async fn starts(api: &ApiServer, scratch: &Path, folder: &Path) -> Result<()> {
    let (mut listening, mut ready) = (Vec::new(), Vec::new());
    for _ in 0..STARTS {
        let server = start_server(api, scratch, folder).await?;
        listening.push(server.listening);
        ready.push(server.ready);
    }
    println!("Start, medians of {STARTS}, 10,000 Services and 2,000 StatefulSets in the lists:");
    println!(
        "from exec to listening {:.1?}, from the last list answered to ready {:.1?}",
        median(&mut listening),
        median(&mut ready)
    );
    Ok(())
}
