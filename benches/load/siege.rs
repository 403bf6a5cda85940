//! Hostile clients: they hold connections open, trickle, and come again when they are thrown out.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::Result;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::client::Client;

/// How many at once.
pub const MANY: usize = 1000;
/// Between two bytes of a trickle, and before one comes again.
const PAUSE: Duration = Duration::from_millis(250);

/// What they do.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// Never finish the handshake.
    Handshake,
    /// Never finish a header.
    Header,
    /// Never finish a body.
    Body,
    /// Ask once and stay.
    Idle,
}

impl Kind {
    pub const ALL: [Self; 4] = [Self::Handshake, Self::Header, Self::Body, Self::Idle];

    fn begins(self) -> &'static [u8] {
        match self {
            // A record of a handshake of 200 bytes.
            Self::Handshake => &[0x16, 0x03, 0x01, 0x00, 0xc8],
            Self::Header => b"POST /validate HTTP/1.1\r\nhost: a\r\nx-long: ",
            Self::Body => b"POST /validate HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 100000\r\n\r\n",
            Self::Idle => b"GET / HTTP/1.1\r\nhost: a\r\n\r\n",
        }
    }

    async fn attack(self, client: &Client, there: &AtomicUsize) -> Result<()> {
        match self {
            Self::Handshake => self.hold(TcpStream::connect(client.address).await?, there).await,
            _ => self.hold(client.stream().await?, there).await,
        }
    }

    /// Begins and trickles until the server has had enough.
    async fn hold(self, mut stream: impl AsyncRead + AsyncWrite + Unpin, there: &AtomicUsize) -> Result<()> {
        stream.write_all(self.begins()).await?;
        there.fetch_add(1, Ordering::Relaxed);
        let held = async {
            let mut answer = [0; 512];
            loop {
                match timeout(PAUSE, stream.read(&mut answer)).await {
                    Ok(Ok(0)) => return Ok(()),
                    Ok(read) => drop(read?),
                    Err(_) if matches!(self, Self::Idle) => {}
                    Err(_) => stream.write_all(b"x").await?,
                }
            }
        };
        let held = held.await;
        there.fetch_sub(1, Ordering::Relaxed);
        held
    }
}

/// A siege; it ends when this is dropped.
pub struct Siege {
    besiegers: Vec<JoinHandle<()>>,
    there: Arc<AtomicUsize>,
}

impl Drop for Siege {
    fn drop(&mut self) {
        for besieger in &self.besiegers {
            besieger.abort();
        }
    }
}

impl Siege {
    /// Lays it, and waits until most of them are there or are thrown out as fast as they come.
    pub async fn lay(kind: Kind, client: &Arc<Client>) -> Self {
        let there = Arc::new(AtomicUsize::new(0));
        let besieger = || {
            let (client, there) = (Arc::clone(client), Arc::clone(&there));
            tokio::spawn(async move {
                loop {
                    // Being thrown out is what they must expect.
                    let _ = kind.attack(&client, &there).await;
                    sleep(PAUSE).await;
                }
            })
        };
        let siege = Self { besiegers: (0..MANY).map(|_| besieger()).collect(), there };
        for _ in 0..40 {
            if siege.there() > MANY * 9 / 10 {
                break;
            }
            sleep(PAUSE).await;
        }
        siege
    }

    /// How many connections they hold.
    pub fn there(&self) -> usize {
        self.there.load(Ordering::Relaxed)
    }
}
