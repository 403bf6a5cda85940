//! Accepts connections, and makes room where there are too many.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::time::sleep;

use super::connection::{Connections, OpenConnection};

/// How long to wait when the system has no more file descriptors.
const OUT_OF_FILES: Duration = Duration::from_millis(50);

/// Accepts connections until the future is dropped, and gives each to a task that `serve` makes; `count` is told why one
/// has to make room. Where the limit is reached, the one that is idle for longest does.
pub(super) async fn accept<F>(
    tcp: &TcpListener,
    connections: &Arc<Connections>,
    count: impl Fn(&'static str),
    serve: impl Fn(TcpStream, OpenConnection) -> F,
) where
    F: Future<Output = ()> + Send + 'static,
{
    // Said once, until one can be accepted again.
    let mut refused = false;
    loop {
        match tcp.accept().await {
            Ok((stream, peer)) => {
                refused = false;
                if connections.are_too_many() {
                    count("crowd");
                    if !connections.make_room() {
                        continue; // Every one of them is being answered: the newcomer is dropped and may come again.
                    }
                }
                connections.spawn(serve(stream, connections.add(peer.ip())));
            }
            Err(error) if was_gone(&error) => {}
            Err(error) => {
                if !refused {
                    let address = tcp.local_addr().ok();
                    tracing::warn!(
                        ?address,
                        %error,
                        "no connection can be accepted; raise the limit of open files if this lasts"
                    );
                }
                refused = true;
                if connections.send_a_stranger_away() {
                    count("files");
                }
                sleep(OUT_OF_FILES).await;
            }
        }
    }
}

/// Whether the peer had closed the connection before it was accepted.
fn was_gone(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}
