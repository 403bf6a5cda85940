//! Clients that speak TLS or HTTP in ways that the API server never does.

use std::io::ErrorKind;
use std::time::Duration;

use rustls::version::TLS13;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::api::Api;
use super::client::{Connection, config, post, request};
use super::objects::set_creation;
use super::patience::patiently;
use super::served::Served;

async fn is_served(served: &Served) {
    let verdict = served.connect().await.review("/validate", &set_creation()).await;
    assert_eq!(verdict["uid"], "0b1f");
}

#[tokio::test]
async fn serves_a_client_that_names_no_server() {
    let served = Served::ready().await;
    let mut config = config(&served.cas, &[&TLS13], None);
    config.enable_sni = false;
    let mut connection = Connection::shake(served.reviews, config, "localhost").await.expect("a handshake succeeds");
    assert_eq!(connection.review("/validate", &set_creation()).await["uid"], "0b1f");
}

#[tokio::test]
async fn refuses_clients_that_speak_another_protocol() {
    let served = Served::ready().await;
    for (protocols, spoken) in [(&["h2"][..], false), (&["h3", "acme-tls/1"], false), (&["h2", "http/1.1"], true)] {
        let mut config = config(&served.cas, &[&TLS13], None);
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        let shaken = Connection::shake(served.reviews, config, "localhost").await;
        match shaken {
            Ok(mut connection) if spoken => {
                assert_eq!(connection.review("/validate", &set_creation()).await["uid"], "0b1f");
            }
            Err(error) if !spoken => assert_eq!(error.kind(), ErrorKind::InvalidData, "{protocols:?}"),
            other => panic!("{protocols:?}: {}", other.is_ok()),
        }
    }
}

#[tokio::test]
async fn answers_tls_10_and_11_with_an_alert() {
    let served = Served::ready().await;
    for minor in [1, 2] {
        // A ClientHello of that version: a random, no session, one suite of the time, no compression, no extension.
        let hello = [&[3, minor][..], &[7; 32], &[0], &[0, 2, 0, 0x2f], &[1, 0]].concat();
        let length = u8::try_from(hello.len()).expect("it is short");
        let message = [&[1, 0, 0, length][..], &hello].concat();
        let record = [&[0x16, 3, 1, 0, length + 4][..], &message].concat();
        let mut stream = TcpStream::connect(served.reviews).await.expect("it is accepted");
        stream.write_all(&record).await.expect("it is sent");
        let mut answer = Vec::new();
        patiently("an alert", stream.read_to_end(&mut answer)).await.expect("it is closed in order");
        // A record of type alert, fatal, of one of: handshake_failure 40, protocol_version 70.
        assert!(
            answer.len() == 7 && answer[0] == 0x15 && answer[5] == 2 && [40, 70].contains(&answer[6]),
            "{answer:?}"
        );
    }
    is_served(&served).await;
}

#[tokio::test]
async fn reads_no_compressed_body_whether_it_says_so_or_not() {
    let served = Served::ready().await;
    let mut connection = served.connect().await;
    // The head of a gzip stream, and what would be its content.
    let body = [&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3][..], &[0x4b; 4096]].concat();
    let response = connection.exchange(&post("/validate", &body)).await.expect("it is answered");
    assert_eq!(response.status, 400);
    let length = body.len().to_string();
    let headers = [("content-type", "application/json"), ("content-length", &length), ("content-encoding", "gzip")];
    let response = connection.exchange(&request("POST", "/validate", &headers, &body)).await.expect("it is answered");
    assert_eq!(response.status, 415);
}

#[tokio::test]
async fn answers_408_to_a_trickle_of_chunks_and_holds_no_memory_for_it() {
    let served = Served::ready_with(Api::default(), |settings| settings.limits.body = Duration::from_secs(1)).await;
    let headers = [("content-type", "application/json"), ("transfer-encoding", "chunked")];
    let head = request("POST", "/validate?timeout=30s", &headers, b"");
    let response = served.connect().await.trickle(&head, b"1\r\n \r\n").await.expect("it is answered");
    assert_eq!((response.status, response.closes()), (408, true));
    is_served(&served).await;
}

#[tokio::test]
async fn answers_nonsense_in_http_and_goes_on() {
    let served = Served::ready().await;
    for nonsense in [
        &b"POST /validate HTTP/1.1\r\nhost: a\r\ncontent-length: -1\r\n\r\n"[..],
        b"POST /validate HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\n",
        b"POST /validate HTTP/1.1\r\ntransfer-encoding: gzip\r\n\r\n",
        b"POST /validate HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\ncontent-type: application/json\r\n\r\nzz\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\0\0\0\0\r\n\r\n",
    ] {
        let response = served.connect().await.exchange(nonsense).await;
        assert!(response.as_ref().map_or(true, |response| (400..500).contains(&response.status)), "{response:?}");
    }
    is_served(&served).await;
}
