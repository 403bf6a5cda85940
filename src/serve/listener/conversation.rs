//! One connection, from its handshake to its close.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hyper::body::Incoming;
use hyper::header::{CONNECTION, HeaderValue};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep, timeout};

use super::{Phase, Shared};
use crate::serve::caller::Peer;
use crate::serve::connection::Connection;
use crate::serve::first_byte::FirstByte;
use crate::serve::router::Answered;

/// How long an answer may still take to be written when its connection makes room.
const LAST_ANSWER: Duration = Duration::from_millis(500);

impl Shared {
    /// Shakes hands and answers requests until the peer or a limit ends the connection.
    pub(super) async fn serve(self: &Arc<Self>, stream: TcpStream, connection: &Arc<Connection>) {
        // Small answers must not wait for the peer's acknowledgement.
        let _ = stream.set_nodelay(true);
        let Some(stream) = self.handshakes.shake(stream, connection).await else { return };
        let peer = self.callers.peer(stream.get_ref().1);
        let service = service_fn(|request| self.answer(connection, &peer, request));
        let stream = FirstByte::new(stream, Arc::clone(connection));
        let mut http = std::pin::pin!(self.http.serve_connection(TokioIo::new(stream), service));
        let mut first_header = std::pin::pin!(sleep(self.limits.first_header));
        let (mut halting, mut header) = (false, false);
        let mut closing = false;
        let mut phase = self.phase.subscribe();
        let mut closed = std::pin::pin!(async { drop(phase.wait_for(|phase| *phase == Phase::Closing).await) });
        loop {
            tokio::select! {
                // Reading and writing go first: a deadline that is over must not close a connection whose request is there.
                biased;
                _ = &mut http => return,
                () = &mut first_header, if !header => {
                    header = connection.header.load(Ordering::Acquire);
                    let first_byte = connection.first_byte.load(Ordering::Acquire);
                    if !header && (halting || !first_byte && self.is_crowded()) {
                        self.metrics.connection_closed("first_header");
                        return;
                    }
                    // The first byte may have come only just now: the rest of the header has the whole time from here on.
                    halting = first_byte;
                    first_header.as_mut().reset(Instant::now() + self.limits.first_header);
                }
                () = connection.evicted.notified() => {
                    http.as_mut().graceful_shutdown();
                    // A request may have come since this connection was chosen: it is answered before the close. An answer
                    // that is still being written gets a moment more.
                    if !connection.busy.load(Ordering::Acquire) {
                        let _ = timeout(LAST_ANSWER, &mut http).await;
                        return;
                    }
                }
                () = &mut closed, if !closing => {
                    closing = true;
                    http.as_mut().graceful_shutdown();
                }
            }
        }
    }

    /// Whether so many connections are open that those without a first byte are closed at the deadline.
    fn is_crowded(&self) -> bool {
        self.connections.count() > self.limits.connections / 4
    }

    async fn answer(
        &self,
        connection: &Connection,
        peer: &Peer,
        request: Request<Incoming>,
    ) -> Result<Response<http_body_util::Full<hyper::body::Bytes>>, Infallible> {
        connection.header.store(true, Ordering::Release);
        self.last_request.store(self.now(), Ordering::Relaxed);
        let Answered { mut response, review } = match self.callers.authenticate(peer) {
            Ok(()) => self.review(connection, request).await,
            Err(refusal) => self.router.refuse_caller(refusal),
        };
        if review {
            connection.proven.store(true, Ordering::Relaxed);
        }
        if *self.phase.borrow() != Phase::Serving || connection.is_old() {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        connection.rested();
        Ok(response)
    }

    async fn review(&self, connection: &Connection, request: Request<Incoming>) -> Answered {
        let received = AtomicBool::new(false);
        let mut answered = std::pin::pin!(self.router.answer(request, || {
            received.store(true, Ordering::Relaxed);
            connection.busy.store(true, Ordering::Release);
        }));
        // While its body comes, a connection counts as busy only if it has carried a review before, and only for as long as
        // an honest body takes: a trickle of bytes must not keep a connection from making room.
        if connection.proven.load(Ordering::Relaxed) {
            connection.busy.store(true, Ordering::Release);
            if let Ok(answered) = timeout(self.limits.crowded, &mut answered).await {
                return answered;
            }
            connection.busy.store(received.load(Ordering::Relaxed), Ordering::Release);
        }
        answered.await
    }
}
