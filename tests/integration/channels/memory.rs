//! What output costs that nobody reads, or that somebody reads late: the real program, whose memory is its own.

use test_support::{TestClient, TestSocket, eventually};
use wire::Subprotocol;

use super::{cell, kind, run, start_kernel, text};
use crate::kernels::host_process::pids;
use crate::server::process::{Home, Running, memory_bytes_max};

/// 200 MB in outputs of 100 kB.
const PRINT_200_MB: &str = "burst 2000 100000";

/// What the server may need for it, its mirror of the kernel's journal included.
const GROWTH_BYTES_MAX: u64 = 16 << 20;

/// What a client that stopped reading may cost the server.
const STALLED_BYTES_MAX: u64 = 4 << 20;
/// How many stop reading: the system counts memory too roughly for one.
const STALLED: u64 = 3;

async fn server_with_kernel(home: &Home) -> (Running, TestClient, String) {
    let server = home.start(&["server", "--port=0"]).await;
    let client = TestClient::of_another_server(&server.url(), &server.token());
    let kernel = start_kernel(&client).await;
    (server, client, kernel)
}

/// A socket to the kernel that has been used, so that what is used once is there.
async fn warm_socket(client: &TestClient, kernel: &str, session: &str) -> TestSocket {
    let mut socket = client.channels(kernel, session, Subprotocol::V1).await;
    run(&mut socket, "burst 200 100000").await;
    socket
}

#[tokio::test]
async fn output_that_nobody_reads_goes_to_disk_and_not_to_memory() {
    let home = Home::new();
    let (server, client, kernel) = server_with_kernel(&home).await;
    let mut socket = warm_socket(&client, &kernel, "page").await;
    let before = server.memory_bytes_max();
    let host = pids(&kernel).unwrap().host.unsigned_abs();
    let host_before = memory_bytes_max(host);
    let printing = cell(PRINT_200_MB);
    socket.send(&printing).await;
    socket
        .until("the first output", |message| kind(message) == "stream")
        .await;
    socket.close().await;
    let path = format!("/api/kernels/{kernel}");
    eventually("the end of the cell", async || {
        let model = client.get(&path).await.expect(200).json();
        (model["execution_state"] == "idle").then_some(())
    })
    .await;
    let growth = server.memory_bytes_max().saturating_sub(before);
    assert!(growth < GROWTH_BYTES_MAX, "{growth} bytes");
    let host_growth = memory_bytes_max(host).saturating_sub(host_before);
    assert!(
        host_growth < GROWTH_BYTES_MAX,
        "HOST {host_growth} bytes, server {growth}"
    );
    // And it is all there.
    let mut socket = client.channels(&kernel, "page", Subprotocol::V1).await;
    let answers = socket.answers_to(&printing).await;
    let numbers: Vec<String> = text(&answers).split_whitespace().map(str::to_owned).collect();
    let last = numbers.len().checked_sub(2_000).expect("all outputs");
    assert!(
        numbers[last..].iter().eq((0..2_000)
            .map(|number| number.to_string())
            .collect::<Vec<_>>()
            .iter())
    );
}

#[tokio::test]
async fn clients_that_stop_reading_cost_little_and_delay_nobody() {
    let home = Home::new();
    let (server, client, kernel) = server_with_kernel(&home).await;
    let mut socket = warm_socket(&client, &kernel, "page").await;
    // Without the other first: what the output itself costs.
    run(&mut socket, PRINT_200_MB).await;
    let before = server.memory_bytes_max();
    let host = pids(&kernel).unwrap().host.unsigned_abs();
    let host_before = memory_bytes_max(host);
    let mut stalled = Vec::new();
    for number in 0..STALLED {
        let session = format!("stalled-{number}");
        stalled.push(client.channels(&kernel, &session, Subprotocol::V1).await);
    }
    let answers = run(&mut socket, PRINT_200_MB).await;
    assert_eq!(text(&answers).split_whitespace().count(), 2_000);
    let growth = server.memory_bytes_max().saturating_sub(before);
    let host_growth = memory_bytes_max(host).saturating_sub(host_before);
    assert!(
        growth < STALLED_BYTES_MAX * STALLED && host_growth < GROWTH_BYTES_MAX,
        "HOST {host_growth} bytes, server {growth}"
    );
}
