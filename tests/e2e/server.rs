//! A small HTTP server that tells what a container sees: the program of the test image.

use std::{env, process::exit, time::Duration};

use anyhow::{Context, Result};
use axum::{
    Router,
    extract::{Path, State},
    http::StatusCode,
    routing::get,
};
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    time::sleep,
};

const SERVE: &str = "--serve-http";
const SAY: &str = "--say";

/// When the program was started as the test image's program, plays that part and never returns.
pub fn take_part() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [SERVE, port] => exit(serve(port).map_or_else(
            |error| {
                eprintln!("{error:#}");
                1
            },
            |()| 0,
        )),
        [SAY, text, code] => {
            println!("{text}");
            exit(code.parse().unwrap_or(2));
        }
        _ => {}
    }
}

#[tokio::main(flavor = "current_thread")]
async fn serve(port: &str) -> Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let healthy = Arc::new(AtomicBool::new(true));
    let router = Router::new()
        .route("/name", get(async || env::var("HOSTNAME").unwrap_or_default()))
        .route("/variables/{name}", get(async |Path(name): Path<String>| env::var(name).unwrap_or_default()))
        .route("/files/{*path}", get(read))
        .route("/write/{*path}", get(write))
        .route("/healthy", get(is_healthy))
        .route("/break", get(sicken))
        .with_state(healthy);
    let port: u16 = port.parse().context("the port")?;
    let listener = TcpListener::bind(("0.0.0.0", port)).await?;
    println!("listening on {port}");
    let leave = async move {
        terminate.recv().await;
        println!("leaving");
        sleep(Duration::from_secs(2)).await; // until nobody sends connections here any more
    };
    axum::serve(listener, router).with_graceful_shutdown(leave).await?;
    println!("left");
    Ok(())
}

async fn read(Path(path): Path<String>) -> Result<String, (StatusCode, String)> {
    std::fs::read_to_string(format!("/{path}")).map_err(|error| (StatusCode::NOT_FOUND, error.to_string()))
}

async fn write(Path(path): Path<String>) -> Result<String, (StatusCode, String)> {
    let written = std::fs::write(format!("/{path}"), "written");
    written.map(|()| String::new()).map_err(|error| (StatusCode::FORBIDDEN, error.to_string()))
}

async fn is_healthy(State(healthy): State<Arc<AtomicBool>>) -> StatusCode {
    if healthy.load(Ordering::Relaxed) { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }
}

async fn sicken(State(healthy): State<Arc<AtomicBool>>) -> String {
    healthy.store(false, Ordering::Relaxed);
    env::var("HOSTNAME").unwrap_or_default()
}
