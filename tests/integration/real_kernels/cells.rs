//! Cells, and what front ends ask while somebody writes one.

use serde_json::{Value, json};
use test_support::{TestSocket, request};
use wire::{Channel, Message, Subprotocol};

use super::{KERNELS, opened, printed, said, server};
use crate::channels::{cell, content, kind};

/// The reply to a request.
async fn ask(socket: &mut TestSocket, msg_type: &str, asked: &Value) -> Value {
    let question = request(Channel::Shell, msg_type, "page", asked);
    socket.send(&question).await;
    let answers = socket.answers_to(&question).await;
    let reply = answers.iter().find(|message| kind(message).ends_with("_reply"));
    content(reply.unwrap())
}

/// The content of the message of this type that a cell gives.
async fn given(socket: &mut TestSocket, code: &str, msg_type: &str) -> Value {
    let is_wanted = |message: &&Message| kind(message) == msg_type;
    let said = said(socket, code, |said| {
        said.iter().any(|message| is_wanted(&message))
    })
    .await;
    content(said.iter().find(is_wanted).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn kernels_of_other_makers_are_listed_as_they_were_installed() {
    let server = server().await;
    let owner = server.as_owner();
    let listed = owner.get("/api/kernelspecs").await.expect(200).json();
    for kernel in &KERNELS {
        let spec = &listed["kernelspecs"][kernel.name];
        assert_eq!(spec["spec"]["display_name"], kernel.display_name);
        assert_eq!(spec["spec"]["language"], kernel.language);
        let resources = spec["resources"].as_object().unwrap();
        assert!(!resources.is_empty(), "{spec}");
        for url in resources.values() {
            let logo = owner.get(url.as_str().unwrap()).await.expect(200);
            assert!(logo.header("content-type").starts_with("image/"), "{url}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn kernels_of_other_makers_run_cells_in_both_subprotocols() {
    let server = server().await;
    for kernel in &KERNELS {
        for subprotocol in [Subprotocol::V1, Subprotocol::Legacy] {
            let (_, mut socket) = opened(&server, kernel, subprotocol).await;
            let greeting = printed(&mut socket, kernel.greets).await;
            assert_eq!(greeting, "hello\n", "{}", kernel.name);

            let error = given(&mut socket, kernel.fails, "error").await;
            assert_eq!(error["evalue"], kernel.fails_with);

            let reply = given(&mut socket, kernel.remembers, "execute_reply").await;
            assert_eq!(
                (&reply["status"], &reply["execution_count"]),
                (&json!("ok"), &json!(3))
            );
            assert_eq!(printed(&mut socket, kernel.recalls).await, "42\n");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn kernels_of_other_makers_answer_what_front_ends_ask() {
    let server = server().await;
    for kernel in &KERNELS {
        let (_, mut socket) = opened(&server, kernel, Subprotocol::V1).await;
        let info = ask(&mut socket, "kernel_info_request", &json!({})).await;
        assert_eq!(info["language_info"]["name"], kernel.language);
        let (begun, whole) = kernel.begins;
        let asked = json!({"code": begun, "cursor_pos": begun.len()});
        let completed = ask(&mut socket, "complete_request", &asked).await;
        assert_eq!(completed["matches"], json!([whole]));
        let asked = json!({"code": begun, "cursor_pos": begun.len(), "detail_level": 0});
        let inspected = ask(&mut socket, "inspect_request", &asked).await;
        assert_eq!(inspected["status"], "ok");
        let complete = ask(
            &mut socket,
            "is_complete_request",
            &json!({"code": kernel.greets}),
        )
        .await;
        // Bash's kernel has no opinion.
        let expected = if kernel.name == "bash" {
            "unknown"
        } else {
            "complete"
        };
        assert_eq!(complete["status"], expected);
        let asked = json!({"hist_access_type": "tail", "n": 1, "raw": true, "output": false});
        let history = ask(&mut socket, "history_request", &asked).await;
        assert_eq!(history["history"], json!([]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn deno_shows_results_and_asks_its_user() {
    let server = server().await;
    let (_, mut socket) = opened(&server, &KERNELS[1], Subprotocol::V1).await;
    let shown = given(&mut socket, "6 * 7", "execute_result").await;
    let number = shown["data"]["text/plain"].as_str().unwrap();
    assert!(number.contains("42"), "{number}");
    let shown = given(&mut socket, "Deno.jupyter.html`<b>bold</b>`", "execute_result").await;
    assert_eq!(shown["data"]["text/html"], "<b>bold</b>");

    let asking = cell("const name = prompt('name?'); console.log('hello ' + name)");
    socket.send(&asking).await;
    let question = socket
        .until("the question", |message| kind(message) == "input_request")
        .await;
    assert_eq!(content(&question)["prompt"], "name?");
    let mut answer = request(Channel::Stdin, "input_reply", "page", &json!({"value": "Ada"}));
    answer.parent_header = question.header.clone();
    socket.send(&answer).await;
    let printed = socket
        .until("the greeting", |message| kind(message) == "stream")
        .await;
    assert_eq!(content(&printed)["text"], "hello Ada\n");
}
