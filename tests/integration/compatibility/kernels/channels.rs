//! What the channels of both servers say in the same situations, with the same kernel.

use bytes::Bytes;
use serde_json::{Value, json};
use test_support::{TOKEN, TestClient, TestSocket, eventually, request};
use wire::{Channel, Message, Subprotocol};

use super::pair::KernelsPair;

/// A kernel of one of the servers.
struct Kernel {
    client: TestClient,
    id: String,
}

/// One pair of servers for all: the reference takes long to start.
#[tokio::test]
async fn the_channels_of_both_say_the_same_in_the_same_situations() {
    let mut pair = KernelsPair::start().await;
    connections_are_counted_and_an_older_one_of_a_session_is_replaced_alike(&pair).await;
    pair.clear().await;
    cells_and_questions_are_answered_alike_on_both_subprotocols(&pair).await;
    output_while_nobody_was_connected_comes_when_the_session_is_back(&pair).await;
    a_kernel_that_dies_is_restarting_on_both(&pair).await;
}

/// What of a message is the same on both sides.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Said {
    channel: String,
    msg_type: String,
    answers: String,
    content: String,
    buffers: Vec<usize>,
}

impl Said {
    fn new(message: &Message) -> Self {
        let header = message.header().expect("a header");
        let parent = message.parent().expect("a parent header");
        Self {
            channel: format!("{:?}", message.channel),
            msg_type: header.msg_type.to_string(),
            answers: parent.map_or(String::new(), |parent| parent.msg_type.to_string()),
            content: content(message).to_string(),
            buffers: message.buffers.iter().map(Bytes::len).collect(),
        }
    }
}

fn content(message: &Message) -> Value {
    serde_json::from_slice(&message.content).expect("a content")
}

impl Kernel {
    async fn start(client: TestClient) -> Self {
        let model = client.post("/api/kernels", &json!({})).await.expect(201).json();
        let id = model["id"].as_str().expect("an id").to_owned();
        Self { client, id }
    }

    async fn connect(&self, session: &str, subprotocol: Subprotocol) -> TestSocket {
        let socket = self.client.channels(&self.id, session, subprotocol).await;
        // The reference counts a connection a little later.
        self.until_connections(|connections| connections > 0).await;
        socket
    }

    /// The same, and everything that comes from here on is heard: the reference first asks the kernel something itself,
    /// and what is said meanwhile is lost.
    async fn connect_and_listen(&self, session: &str, subprotocol: Subprotocol) -> TestSocket {
        let mut socket = self.connect(session, subprotocol).await;
        let question = request(Channel::Shell, "kernel_info_request", "client", &json!({}));
        socket.send(&question).await;
        let is_reply = |message: &Message| Said::new(message).msg_type == "kernel_info_reply";
        let _ = socket.until("kernel_info_reply", is_reply).await;
        socket
    }

    async fn connections(&self) -> u64 {
        let model = self.client.get(&format!("/api/kernels/{}", self.id)).await;
        model.expect(200).json()["connections"]
            .as_u64()
            .expect("a number")
    }

    async fn until_connections(&self, is_right: impl Fn(u64) -> bool) {
        eventually("the right number of connections", async || {
            is_right(self.connections().await).then_some(())
        })
        .await;
    }
}

/// Runs a cell and gives all it said; outputs and replies come by different ways, so in any order.
async fn run(socket: &mut TestSocket, code: &str) -> Vec<Said> {
    let content = json!({"code": code, "silent": false, "store_history": true, "allow_stdin": false});
    let cell = request(Channel::Shell, "execute_request", "client", &content);
    socket.send(&cell).await;
    sorted(socket.answers_to(&cell).await.iter().map(Said::new))
}

fn sorted(said: impl Iterator<Item = Said>) -> Vec<Said> {
    let mut said: Vec<Said> = said.collect();
    said.sort();
    said
}

/// A kernel of ours and one of theirs.
async fn kernels(pair: &KernelsPair) -> [Kernel; 2] {
    let [ours, theirs] = pair.urls().map(|url| TestClient::of_another_server(&url, TOKEN));
    [Kernel::start(ours).await, Kernel::start(theirs).await]
}

async fn cells_and_questions_are_answered_alike_on_both_subprotocols(pair: &KernelsPair) {
    for subprotocol in [Subprotocol::V1, Subprotocol::Legacy] {
        let mut heard = Vec::new();
        for kernel in kernels(pair).await {
            let mut socket = kernel.connect_and_listen("client", subprotocol).await;
            let mut said = Vec::new();
            for code in [
                "print a\nstderr b\nresult c",
                "display 100 bytes\nclear\nprint ä",
                "buffers 2 10",
                "error e",
                "input x",
                "no command",
            ] {
                said.extend(run(&mut socket, code).await);
            }
            for (channel, msg_type) in [
                (Channel::Shell, "kernel_info_request"),
                (Channel::Control, "kernel_info_request"),
                (Channel::Shell, "history_request"),
                (Channel::Control, "interrupt_request"),
            ] {
                let question = request(channel, msg_type, "client", &json!({}));
                socket.send(&question).await;
                said.extend(sorted(socket.answers_to(&question).await.iter().map(Said::new)));
            }
            heard.push(said);
        }
        let theirs = heard.pop();
        assert_eq!(heard.pop(), theirs, "ours and theirs over {subprotocol:?}");
    }
}

async fn connections_are_counted_and_an_older_one_of_a_session_is_replaced_alike(pair: &KernelsPair) {
    for kernel in kernels(pair).await {
        assert_eq!(kernel.connections().await, 0);
        let first = kernel.connect("one", Subprotocol::V1).await;
        let second = kernel.connect("two", Subprotocol::V1).await;
        kernel.until_connections(|connections| connections == 2).await;
        let again = kernel.connect("one", Subprotocol::V1).await;
        kernel.until_connections(|connections| connections == 2).await;
        let status = kernel.client.get("/api/status").await.expect(200).json();
        assert_eq!(
            (&status["connections"], &status["kernels"]),
            (&json!(2), &json!(1))
        );
        second.close().await;
        again.close().await;
        kernel.until_connections(|connections| connections == 0).await;
        drop(first);
        let _ = kernel
            .client
            .delete(&format!("/api/kernels/{}", kernel.id))
            .await
            .expect(204);
    }
}

async fn output_while_nobody_was_connected_comes_when_the_session_is_back(pair: &KernelsPair) {
    let mut heard = Vec::new();
    for kernel in kernels(pair).await {
        let mut socket = kernel.connect_and_listen("client", Subprotocol::V1).await;
        let code = json!({"code": "print 60 times every 50"});
        let cell = request(Channel::Shell, "execute_request", "client", &code);
        socket.send(&cell).await;
        let is_output = |message: &Message| Said::new(message).msg_type == "stream";
        let first = socket.until("the first output", is_output).await;
        assert_eq!(content(&first)["text"], "0\n");
        socket.close().await;
        kernel.until_connections(|connections| connections == 0).await;
        let model = format!("/api/kernels/{}", kernel.id);
        eventually("the end of the cell", async || {
            let model = kernel.client.get(&model).await.expect(200).json();
            (model["execution_state"] == "idle").then_some(())
        })
        .await;
        let mut socket = kernel.connect("client", Subprotocol::V1).await;
        let answers = socket.answers_to(&cell).await;
        let streams = answers.iter().filter(|message| is_output(message));
        let last = streams.last().map(Said::new);
        let reply = answers.iter().find(|message| message.channel == Channel::Shell);
        heard.push((last, reply.map(Said::new)));
    }
    let theirs = heard.pop();
    assert_eq!(heard.pop(), theirs);
}

async fn a_kernel_that_dies_is_restarting_on_both(pair: &KernelsPair) {
    let mut sockets = Vec::new();
    for kernel in kernels(pair).await {
        let mut socket = kernel.connect_and_listen("client", Subprotocol::V1).await;
        let code = json!({"code": "exit 3"});
        socket
            .send(&request(Channel::Shell, "execute_request", "client", &code))
            .await;
        let restarting = socket
            .until("restarting", |message| {
                content(message) == json!({"execution_state": "restarting"})
            })
            .await;
        let restarting = Said::new(&restarting);
        assert_eq!(
            (restarting.channel.as_str(), restarting.answers.as_str()),
            ("Iopub", "")
        );
        sockets.push((kernel, socket));
    }
    // The same connection serves the next process. (The reference loses what is sent at once: it goes to the dead one.)
    let (_kernel, mut ours) = sockets.swap_remove(0);
    let said = run(&mut ours, "print again").await;
    assert!(
        said.iter().any(|said| said.content.contains("again\\n")),
        "{said:?}"
    );
}
