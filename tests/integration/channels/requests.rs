//! What ran and what came of it, for a client that was not there.

use serde_json::{Value, json};
use test_support::{TestClient, eventually, request};
use wire::{Channel, Message, Subprotocol};

use super::{run, server_and_socket, shown, start_kernel, text};

/// An `execute_request` as JupyterLab makes it.
pub(crate) fn cell_of(cell_id: &str, code: &str) -> Message {
    let content = json!({"code": code, "silent": false, "store_history": true, "allow_stdin": true});
    Message {
        metadata: json!({"cellId": cell_id}).to_string().into(),
        ..request(Channel::Shell, "execute_request", "client", &content)
    }
}

async fn requests(client: &TestClient, kernel: &str) -> Value {
    client
        .get(&format!("/api/kernels/{kernel}/requests"))
        .await
        .expect(200)
        .json()
}

#[tokio::test]
async fn requests_are_listed_with_their_cells_and_outputs() {
    let (server, kernel, mut socket) = server_and_socket().await;
    let cell = cell_of("the-cell", "print 3 times\nresult done");
    socket.send(&cell).await;
    socket.answers_to(&cell).await;
    let listed = requests(&server.as_owner(), &kernel).await;
    let request = &listed["requests"][0];
    assert_eq!(request["msg_id"], *cell.header().unwrap().msg_id);
    assert_eq!(
        (&request["cell_id"], &request["state"], &request["complete"]),
        (&json!("the-cell"), &json!("done"), &json!(true))
    );
    assert_eq!(
        request["outputs"],
        json!([
            {"output_type": "stream", "name": "stdout", "text": "0\n1\n2\n"},
            {"output_type": "execute_result", "data": {"text/plain": "done"}, "metadata": {}, "execution_count": 1}
        ])
    );
}

#[tokio::test]
async fn long_outputs_come_whole() {
    let (server, kernel, mut socket) = server_and_socket().await;
    run(&mut socket, "print before").await;
    run(&mut socket, "burst 30 100000\nresult done\nstderr and more").await;
    run(&mut socket, "print after").await;
    let listed = requests(&server.as_owner(), &kernel).await;
    let outputs = listed["requests"].as_array().unwrap().iter();
    let outputs: Vec<usize> = outputs
        .map(|request| request["outputs"].as_array().unwrap().len())
        .collect();
    assert_eq!(outputs, [1, 3, 1]);
    let burst = listed["requests"][1]["outputs"][0]["text"].as_str().unwrap();
    assert!(burst.len() >= 3_000_000);
    assert_eq!(listed["requests"][2]["outputs"][0]["text"], "after\n");
}

#[tokio::test]
async fn a_request_that_runs_is_listed_as_running() {
    let (server, kernel, mut socket) = server_and_socket().await;
    socket
        .send(&cell_of("c", "print begun\nsleep 600000 until interrupted"))
        .await;
    let owner = server.as_owner();
    eventually("the first output", async || {
        let listed = requests(&owner, &kernel).await;
        let request = &listed["requests"][0];
        (request["state"] == "running" && request["outputs"][0]["text"] == "begun\n").then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_new_client_goes_on_from_where_the_list_ends() {
    let (server, kernel, mut socket) = server_and_socket().await;
    run(&mut socket, "print before").await;
    let owner = server.as_owner();
    let position = requests(&owner, &kernel).await["position"].clone();
    let answers = run(&mut socket, "print between").await;
    let path = format!("/api/kernels/{kernel}/channels?session_id=new&since={position}");
    let mut late = owner.try_websocket(&path, Subprotocol::V1).await.unwrap();
    let mut heard = Vec::new();
    let until = answers.iter().filter(|message| message.channel == Channel::Iopub);
    let until = until.last().unwrap().header.clone();
    while heard
        .last()
        .is_none_or(|message: &Message| message.header != until)
    {
        heard.push(late.next().await.unwrap());
    }
    assert_eq!(text(&heard), "between\n");
    assert_eq!(shown(&heard), "between\n");
}

#[tokio::test]
async fn whoever_may_not_see_the_kernel_does_not_see_its_requests() {
    let (server, kernel, _socket) = server_and_socket().await;
    let path = format!("/api/kernels/{kernel}/requests");
    server.as_viewer().get(&path).await.expect(200);
    server.as_stranger().get(&path).await.expect(404);
    let other = start_kernel(&server.as_owner()).await;
    assert_eq!(requests(&server.as_owner(), &other).await["requests"], json!([]));
}
