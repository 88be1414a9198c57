//! What the server does beside answering: where it listens, and how it stops.

// A test speaks by panicking.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use ai_market_core::api::{ClaimRequest, ClientApi, ErrorCode, TaskSpec, WorkerApi};
use ai_market_core::id::WorkerId;
use ai_market_http::{RouteOptions, ServeError, Server, routes};
use common::{Market, soon};
use poem::EndpointExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;

fn server() -> ai_market_http::ServerBuilder {
    Server::builder(common::coordinator().build().unwrap())
}

#[tokio::test]
async fn an_address_beyond_this_machine_is_refused_unless_allowed() {
    for ip in [
        IpAddr::from(Ipv4Addr::UNSPECIFIED),
        IpAddr::from(Ipv6Addr::UNSPECIFIED),
        IpAddr::from([192, 0, 2, 1]),
    ] {
        let refused = server().address((ip, 0)).bind().await;
        assert!(
            matches!(refused, Err(ServeError::PublicBind { .. })),
            "{ip}"
        );
    }
    let allowed = server()
        .address((Ipv4Addr::UNSPECIFIED, 0))
        .allow_unauthenticated_public_bind(true)
        .bind()
        .await
        .unwrap();
    let port = allowed.local_addr().port();
    assert_eq!(allowed.url(), format!("http://127.0.0.1:{port}"));
}

#[tokio::test]
async fn the_usual_address_is_this_machine_alone() {
    assert!(Server::DEFAULT_ADDRESS.ip().is_loopback());
    assert_eq!(Server::DEFAULT_ADDRESS.port(), 8000);
}

#[tokio::test]
async fn a_port_in_use_is_told() {
    let first = server().address(([127, 0, 0, 1], 0)).bind().await.unwrap();
    let taken: SocketAddr = first.local_addr();
    let error = server().address(taken).bind().await.unwrap_err();
    assert!(matches!(error, ServeError::AddressInUse { address, .. } if address == taken));
    let message = format!("{taken} is in use: is another coordinator running?");
    assert_eq!(error.to_string(), message);
}

/// Waits until `count` requests wait for work at the coordinator.
async fn waiting_claim(market: &Market) -> tokio::task::JoinHandle<usize> {
    let client = market.client();
    let alice = WorkerId::new("alice").unwrap();
    // The first claim registers the worker, so that the second one has little left to do before it
    // waits.
    client
        .claim(ClaimRequest::new(alice.clone()))
        .await
        .unwrap();
    let request = ClaimRequest::new(alice).with_wait(Duration::from_secs(25));
    tokio::spawn(async move { client.claim(request).await.unwrap().len() })
}

#[tokio::test]
async fn a_stop_ends_waits_and_idle_connections() {
    let market = Market::open().await;
    let client = market.client();
    let mut created = client.enqueue(vec![TaskSpec::new("t")]).await;
    let id = created.remove(0).unwrap();
    // Idle: one that never said anything, one between two requests (the client's own).
    let mut silent = TcpStream::connect(market.address).await.unwrap();
    let claim = waiting_claim(&market).await;
    let waiting = tokio::spawn({
        let client = client.clone();
        async move { client.task(id, Duration::from_secs(25)).await }
    });
    // One request after the other on the same runtime: by now the others have been read.
    client.health().await.unwrap();
    market.stop.cancel();
    soon(market.served).await.unwrap().unwrap();
    // Whatever was accepted was answered; what came too late found nobody.
    assert!(soon(claim).await.unwrap() <= 1);
    match soon(waiting).await.unwrap() {
        Ok(details) => assert!(details.task.status().is_open()),
        Err(error) => assert_eq!(error.code(), ErrorCode::Unreachable),
    }
    let mut nothing = Vec::new();
    soon(silent.read_to_end(&mut nothing)).await.ok();
    assert!(nothing.is_empty());
    let error = client.health().await.unwrap_err();
    assert_eq!(error.code(), ErrorCode::Unreachable);
}

#[tokio::test]
async fn a_stop_does_not_wait_for_a_request_that_never_ends() {
    let coordinator = common::coordinator().build().unwrap();
    let server = Server::builder(coordinator)
        .address(([127, 0, 0, 1], 0))
        .grace(Duration::from_millis(10))
        .bind()
        .await
        .unwrap();
    let mut half = TcpStream::connect(server.local_addr()).await.unwrap();
    half.write_all(b"POST /tasks HTTP/1.1\r\ncontent-length: 5\r\n\r\n{")
        .await
        .unwrap();
    let stop = CancellationToken::new();
    let served = tokio::spawn(server.run(stop.clone()));
    stop.cancel();
    soon(served).await.unwrap().unwrap();
}

#[tokio::test]
async fn connections_over_the_bound_wait_for_their_turn() {
    let coordinator = common::coordinator().build().unwrap();
    let server = Server::builder(coordinator)
        .address(([127, 0, 0, 1], 0))
        .max_connections(1)
        .bind()
        .await
        .unwrap();
    let address = server.local_addr();
    let stop = CancellationToken::new();
    let served = tokio::spawn(server.run(stop.clone()));
    const REQUEST: &[u8] = b"GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n";
    let mut first = TcpStream::connect(address).await.unwrap();
    first.write_all(REQUEST).await.unwrap();
    let mut start = [0; 12];
    soon(first.read_exact(&mut start)).await.unwrap();
    assert_eq!(&start, b"HTTP/1.1 200");
    let mut second = TcpStream::connect(address).await.unwrap();
    second.write_all(REQUEST).await.unwrap();
    drop(first);
    soon(second.read_exact(&mut start)).await.unwrap();
    assert_eq!(&start, b"HTTP/1.1 200");
    stop.cancel();
    drop(second);
    soon(served).await.unwrap().unwrap();
}

#[tokio::test]
async fn the_routes_can_be_nested_under_a_path() {
    let coordinator = common::coordinator().build().unwrap();
    for text in ["a", "b"] {
        coordinator
            .enqueue(vec![TaskSpec::new(text)])
            .await
            .remove(0)
            .unwrap();
    }
    let app = poem::Route::new()
        .at("/", poem::endpoint::make_sync(|_| "mine"))
        .nest("/market", routes(coordinator, RouteOptions::new()))
        .map_to_response();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/market/", listener.local_addr().unwrap());
    let acceptor = poem::listener::TcpAcceptor::from_tokio(listener).unwrap();
    tokio::spawn(poem::Server::new_with_acceptor(acceptor).run(app));
    let client = ai_market_http::HttpClient::new(&url).unwrap();
    client.health().await.unwrap();
    assert_eq!(client.stats().await.unwrap().tasks_total(), 2);

    let plain = common::reqwest_client();
    let page = plain
        .get(format!("{url}tasks?limit=1"))
        .send()
        .await
        .unwrap();
    let link = page.headers()["link"].to_str().unwrap();
    assert!(link.starts_with("</market/tasks?limit=1&cursor="), "{link}");
    let lost = plain.get(format!("{url}nowhere")).send().await.unwrap();
    assert_eq!(lost.status(), 404);
    assert!(
        lost.text()
            .await
            .unwrap()
            .starts_with(r#"{"error":{"code":"not_found""#)
    );
    let wrong = plain.delete(format!("{url}tasks")).send().await.unwrap();
    assert!(wrong.headers()["allow"].to_str().unwrap().contains("POST"));

    // The dashboard is a folder, whose links lead to what lies in it.
    let bare = url.trim_end_matches('/');
    let moved = plain.get(bare).send().await.unwrap();
    assert_eq!(
        (moved.status().as_u16(), moved.url().as_str()),
        (200, &*url)
    );
    let page = plain.get(&url).send().await.unwrap();
    assert_eq!(page.headers()["content-type"], "text/html; charset=utf-8");
    let page = page.text().await.unwrap();
    assert!(page.contains("src=\"dashboard/main.js\""));
    let module = plain.get(format!("{url}dashboard/main.js")).send().await;
    assert_eq!(module.unwrap().status(), 200);
}
