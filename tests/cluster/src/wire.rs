//! One forwarded connection, on a wire as long as wanted.

use std::{
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpStream,
        tcp::{ReadHalf, WriteHalf},
    },
    sync::mpsc,
    time::{Instant, sleep_until, timeout},
};
use tracing::info;

/// How many bytes are read at once.
const CHUNK: usize = 16 << 10;
/// How many chunks may be under way.
const UNDER_WAY: usize = 64;

/// How long something takes, set while it goes on.
#[derive(Debug, Clone, Default)]
pub struct Latency(Arc<AtomicU64>);

impl Latency {
    /// From now on it takes this long.
    pub fn set(&self, latency: Duration) {
        self.0.store(u64::try_from(latency.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// How long it takes now.
    pub fn get(&self) -> Duration {
        Duration::from_millis(self.0.load(Ordering::Relaxed))
    }
}

/// Forwards a connection to `target` until both sides have ended it; bytes, and ends too, take `latency` each way.
pub async fn forward(client: TcpStream, target: SocketAddr, latency: Duration) {
    if latency.is_zero() {
        let carry = async |client: &mut TcpStream, server: &mut TcpStream| {
            tokio::io::copy_bidirectional(client, server).await.map(drop)
        };
        join(client, target, carry).await;
    } else {
        forward_along(client, target, || latency).await;
    }
}

/// The same on a wire whose latency may change at any time, for what is sent from then on.
pub async fn forward_along(client: TcpStream, target: SocketAddr, latency: impl Fn() -> Duration) {
    let carry = async |client: &mut TcpStream, server: &mut TcpStream| {
        let ((from_client, to_client), (from_server, to_server)) = (client.split(), server.split());
        let there = carry(from_client, to_server, &latency);
        tokio::try_join!(there, carry(from_server, to_client, &latency)).map(drop)
    };
    join(client, target, carry).await;
}

/// Connects to `target` and lets `carry` do the rest.
async fn join(
    mut client: TcpStream,
    target: SocketAddr,
    carry: impl AsyncFnOnce(&mut TcpStream, &mut TcpStream) -> io::Result<()>,
) {
    client.set_nodelay(true).ok();
    let connected = timeout(Duration::from_secs(5), TcpStream::connect(target)).await;
    let Ok(Ok(mut server)) = connected else {
        info!(%target, "does not answer");
        return reset(&client);
    };
    server.set_nodelay(true).ok();
    // A broken connection is broken on both sides, not ended: the peer must see what it would see without a proxy.
    if carry(&mut client, &mut server).await.is_err() {
        reset(&client);
        reset(&server);
    }
}

/// Carries one direction: what is read is written when it is due, and then the end.
async fn carry(mut from: ReadHalf<'_>, mut to: WriteHalf<'_>, latency: &impl Fn() -> Duration) -> io::Result<()> {
    let (sender, mut under_way) = mpsc::channel::<(Instant, io::Result<Vec<u8>>)>(UNDER_WAY);
    let take = async {
        loop {
            let mut chunk = vec![0; CHUNK];
            let read = from.read(&mut chunk).await;
            let over = !matches!(read, Ok(1..));
            let chunk = read.map(|length| {
                chunk.truncate(length);
                chunk
            });
            if sender.send((Instant::now() + latency(), chunk)).await.is_err() || over {
                return drop(sender);
            }
        }
    };
    let give = async {
        while let Some((due, chunk)) = under_way.recv().await {
            sleep_until(due).await;
            match chunk? {
                chunk if chunk.is_empty() => return to.shutdown().await,
                chunk => to.write_all(&chunk).await?,
            }
        }
        Ok(())
    };
    tokio::select! {
        given = give => given,
        // The taker ends first and the giver goes on: this branch is never the last.
        never = async { take.await; std::future::pending().await } => never,
    }
}

fn reset(stream: &TcpStream) {
    stream.set_zero_linger().ok();
}
