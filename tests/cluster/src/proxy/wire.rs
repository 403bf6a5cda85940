//! One forwarded connection, on a wire as long as wanted.

use std::{io, net::SocketAddr, time::Duration};

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

/// Forwards a connection to `target` until both sides have ended it; bytes, and ends too, take `latency` each way.
pub async fn forward(mut client: TcpStream, target: SocketAddr, latency: Duration) {
    client.set_nodelay(true).ok();
    let connected = timeout(Duration::from_secs(5), TcpStream::connect(target)).await;
    let Ok(Ok(mut server)) = connected else {
        info!(%target, "does not answer");
        return reset(&client);
    };
    server.set_nodelay(true).ok();
    let carried = if latency.is_zero() {
        tokio::io::copy_bidirectional(&mut client, &mut server).await.map(drop)
    } else {
        let ((from_client, to_client), (from_server, to_server)) = (client.split(), server.split());
        let both = tokio::try_join!(carry(from_client, to_server, latency), carry(from_server, to_client, latency));
        both.map(drop)
    };
    // A broken connection is broken on both sides, not ended: the peer must see what it would see without a proxy.
    if carried.is_err() {
        reset(&client);
        reset(&server);
    }
}

/// Carries one direction: what is read is written when it is due, and then the end.
async fn carry(mut from: ReadHalf<'_>, mut to: WriteHalf<'_>, latency: Duration) -> io::Result<()> {
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
            if sender.send((Instant::now() + latency, chunk)).await.is_err() || over {
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
