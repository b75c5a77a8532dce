//! What a kernel says reaches everyone it is for: all of it, in order, whoever else reads or does not.

use serde_json::json;
use test_support::request;
use wire::{Channel, Message, Subprotocol};

use super::{cell, content, is_idle, kind, kinds, parent, run, server_and_socket, shown, text};

#[tokio::test]
async fn of_50_000_small_outputs_none_is_lost() {
    let (_server, _kernel, mut socket) = server_and_socket().await;
    let answers = run(&mut socket, "burst 50000 20").await;
    let outputs: Vec<u32> = text(&answers)
        .split_whitespace()
        .map(|number| number.parse().unwrap())
        .collect();
    assert!(outputs.iter().copied().eq(0..50_000), "{} arrived", outputs.len());
}

#[tokio::test]
async fn a_large_output_arrives_whole() {
    let (_server, _kernel, mut socket) = server_and_socket().await;
    let answers = run(&mut socket, "display 20000000 bytes").await;
    let display = answers
        .iter()
        .find(|message| kind(message) == "display_data")
        .unwrap();
    assert_eq!(
        content(display)["data"]["text/plain"].as_str().unwrap().len(),
        20_000_000
    );
}

#[tokio::test]
async fn two_clients_see_the_same_output_and_only_their_own_replies() {
    let (server, kernel, mut asker) = server_and_socket().await;
    let mut other = server
        .as_owner()
        .channels(&kernel, "other", Subprotocol::V1)
        .await;
    let asked = run(&mut asker, "print hello").await;

    let own = cell("print bye");
    other.send(&own).await;
    let mut heard = Vec::new();
    loop {
        let message = other.next().await.unwrap();
        if parent(&message) == own.header().unwrap().msg_id {
            break;
        }
        heard.push(message);
    }
    // A client that is new is told the kernel's state first, without a parent.
    heard.retain(|message| !parent(message).is_empty());
    let output_of = |messages: &[wire::Message]| {
        let iopub = messages
            .iter()
            .filter(|message| message.channel == Channel::Iopub);
        iopub.map(|message| message.header.clone()).collect::<Vec<_>>()
    };
    assert_eq!(output_of(&heard), output_of(&asked));
    assert!(
        heard.iter().all(|message| message.channel == Channel::Iopub),
        "{:?}",
        kinds(&heard)
    );
}

#[tokio::test]
async fn a_client_that_does_not_read_delays_nobody() {
    let (server, kernel, mut socket) = server_and_socket().await;
    // Open, and never read from: more than any socket buffer holds goes to it.
    let _stalled = server
        .as_owner()
        .channels(&kernel, "stalled", Subprotocol::V1)
        .await;
    let answers = run(&mut socket, "burst 150 100000").await;
    assert_eq!(text(&answers).split_whitespace().count(), 150);
    // And it can still go on.
    assert_eq!(text(&run(&mut socket, "print on").await), "on\n");
}

#[tokio::test]
async fn a_client_that_connects_again_misses_nothing_in_between() {
    let (server, kernel, mut socket) = server_and_socket().await;
    let cell = cell("print before\ninput go?\nprint while away\nburst 1000 5");
    socket.send(&cell).await;
    let mut answers = Vec::new();
    while answers
        .last()
        .is_none_or(|message: &Message| message.channel != Channel::Stdin)
    {
        answers.push(socket.next().await.unwrap());
    }
    socket.close().await;

    // The cell goes on, and ends, while its client is away.
    let mut other = server
        .as_owner()
        .channels(&kernel, "other", Subprotocol::V1)
        .await;
    other
        .send(&request(
            Channel::Stdin,
            "input_reply",
            "other",
            &json!({"value": "go"}),
        ))
        .await;
    let id = cell.header().unwrap().msg_id.to_string();
    other
        .until("the end of the cell", |message| {
            is_idle(message) && parent(message) == id
        })
        .await;

    let mut socket = server
        .as_owner()
        .channels(&kernel, "owner-session", Subprotocol::V1)
        .await;
    answers.extend(socket.answers_to(&cell).await);
    let numbers = (0..1000).map(|number| format!("{number:<5}"));
    assert_eq!(
        shown(&answers),
        ["before\ngo\nwhile away\n".to_owned()]
            .into_iter()
            .chain(numbers)
            .collect::<String>()
    );
}

#[tokio::test]
async fn connections_are_counted() {
    let (server, kernel, socket) = server_and_socket().await;
    let owner = server.as_owner();
    let path = format!("/api/kernels/{kernel}");
    assert_eq!(owner.get(&path).await.expect(200).json()["connections"], 1);
    let other = owner.channels(&kernel, "other", Subprotocol::V1).await;
    assert_eq!(owner.get(&path).await.expect(200).json()["connections"], 2);
    other.close().await;
    socket.close().await;
    test_support::eventually("no connections", async || {
        let model = owner.get(&path).await.expect(200).json();
        (model["connections"] == 0).then_some(())
    })
    .await;
}
