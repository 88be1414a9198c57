//! Serving HTTPS.

// A test speaks by panicking.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::sync::Arc;
use std::time::Duration;

use ai_market_http::{ServeError, Server, ServerBuilder};
use common::soon;
use rcgen::{CertifiedKey, KeyPair, generate_simple_self_signed};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

fn certificate() -> CertifiedKey<KeyPair> {
    generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap()
}

fn builder() -> ServerBuilder {
    Server::builder(common::coordinator().build().unwrap()).address(([127, 0, 0, 1], 0))
}

fn trusting(certificate: &CertifiedKey<KeyPair>) -> reqwest::Client {
    let mut roots = RootCertStore::empty();
    roots.add(certificate.cert.der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    reqwest::Client::builder()
        .no_proxy()
        .tls_backend_preconfigured(tls)
        .build()
        .unwrap()
}

#[tokio::test]
async fn https_is_served_to_those_who_trust_the_certificate() {
    let own = certificate();
    let server = builder()
        .tls_pem(own.cert.pem(), own.signing_key.serialize_pem())
        .bind()
        .await
        .unwrap();
    let address = server.local_addr();
    assert_eq!(server.url(), format!("https://{address}"));
    let stop = CancellationToken::new();
    let served = tokio::spawn(server.run(stop.clone()));
    let url = format!("https://localhost:{}", address.port());
    let client = trusting(&own);
    // Twice, on the same connection.
    for _ in 0..2 {
        let request = client
            .post(format!("{url}/tasks"))
            .header("origin", &url)
            .body(r#"{"text": "t"}"#);
        assert_eq!(soon(request.send()).await.unwrap().status(), 200);
    }
    let stranger = trusting(&certificate());
    assert!(
        soon(stranger.get(format!("{url}/health")).send())
            .await
            .is_err()
    );
    // Without TLS there is no answer.
    let mut plain = TcpStream::connect(address).await.unwrap();
    plain
        .write_all(b"GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n")
        .await
        .unwrap();
    let mut bytes = Vec::new();
    soon(plain.read_to_end(&mut bytes)).await.ok();
    assert!(!bytes.starts_with(b"HTTP"));
    // One that has not shaken hands holds up nothing.
    let _silent = TcpStream::connect(address).await.unwrap();
    stop.cancel();
    soon(served).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_handshake_that_does_not_come_is_not_awaited() {
    let own = certificate();
    let server = builder()
        .tls_pem(own.cert.pem(), own.signing_key.serialize_pem())
        .header_timeout(Duration::from_millis(40))
        .bind()
        .await
        .unwrap();
    let mut silent = TcpStream::connect(server.local_addr()).await.unwrap();
    let stop = CancellationToken::new();
    tokio::spawn(server.run(stop.clone()));
    let mut bytes = Vec::new();
    soon(silent.read_to_end(&mut bytes)).await.ok();
    assert!(bytes.is_empty());
    stop.cancel();
}

#[tokio::test]
async fn what_is_no_certificate_or_key_is_told() {
    let (one, other) = (certificate(), certificate());
    let (chain, key) = (one.cert.pem(), one.signing_key.serialize_pem());
    let bind = async |chain: &str, key: &str| builder().tls_pem(chain, key).bind().await;
    assert!(bind(&chain, &key).await.is_ok());
    let damaged = chain.replace("\nMI", "\n?!");
    for chain in ["", "text", &key, &damaged] {
        let refused = bind(chain, &key).await;
        assert!(
            matches!(refused, Err(ServeError::TlsCertificate(_))),
            "{refused:?}"
        );
    }
    for key in ["", "text", &chain] {
        let refused = bind(&chain, key).await;
        assert!(matches!(refused, Err(ServeError::TlsKey(_))), "{refused:?}");
    }
    let refused = bind(&chain, &other.signing_key.serialize_pem()).await;
    assert!(
        matches!(refused, Err(ServeError::TlsPair(_))),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_file_that_is_not_there_is_named() {
    let refused = builder()
        .tls_files("no-such-file.pem", "key.pem")
        .bind()
        .await;
    let error = refused.unwrap_err();
    assert_eq!(error.to_string(), "cannot read no-such-file.pem");
}
