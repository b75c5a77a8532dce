//! Ports, sockets, and a second server.

use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;

use super::process::{Home, said};

#[tokio::test]
async fn a_second_server_takes_another_port_or_says_that_there_is_none() {
    let home = Home::new();
    let first = home.start(&["--port=0"]).await;
    let port = first.info["port"].as_u64().expect("a port");
    let second = home.start(&[&format!("--port={port}")]).await;
    assert_ne!(second.info["port"].as_u64(), Some(port));
    assert_eq!(second.get("api").await, 200);
    assert!(
        second
            .log()
            .contains(&format!("port {port} is already in use, trying another port"))
    );

    let refused = home.run(&[&format!("--port={port}"), "--port-retries=0", "--allow-root"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(
        said(&refused).contains(&format!("port {port} is not available")),
        "{}",
        said(&refused)
    );
}

#[tokio::test]
async fn a_unix_socket_is_served_and_guarded_against_a_second_server() {
    let home = Home::new();
    let path = home.path("s.sock");
    let socket = format!("--sock={}", path.display());
    let mut server = home.start(&[&socket, "--sock-mode=0660"]).await;
    assert_eq!(
        path.metadata().expect("a socket").permissions().mode() & 0o777,
        0o660
    );
    assert_eq!(server.info["port"], 0);
    assert_eq!(server.info["sock"], path.to_str().expect("a path"));

    let mut stream = UnixStream::connect(&path).expect("a connection");
    stream
        .write_all(b"GET /api HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        .expect("a request");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");

    let refused = home.run(&[&socket, "--allow-root"]);
    assert!(said(&refused).contains("is already in use"), "{}", said(&refused));
    server.signal("TERM");
    assert!(server.ended().await.success());
    assert!(!path.exists());
}
