//! The fake kernel over its sockets, as a client sees it.
#![allow(clippy::unwrap_used, reason = "a test")]

use std::{net::TcpListener, time::Duration};

use fake_kernel::{Connection, Ended, FakeKernel};
use serde_json::{Value, json};
use tokio::{task::JoinHandle, time::timeout};
use wire::{Channel, Message, NewHeader, Signer, from_frames, to_frames};
use zeromq::{
    DealerSocket, Socket, SocketOptions, SocketRecv, SocketSend, SubSocket, ZmqMessage, util::PeerIdentity,
};

const TIMEOUT: Duration = Duration::from_secs(30);

struct Client {
    shell: DealerSocket,
    stdin: DealerSocket,
    iopub: SubSocket,
    signer: Signer,
    kernel: JoinHandle<Ended>,
}

impl Client {
    /// A kernel in this process and the sockets to it; returns when output is listened to.
    async fn start() -> Self {
        let ports = free_ports();
        let connection = Connection {
            transport: "tcp".into(),
            ip: "127.0.0.1".into(),
            shell_port: ports[0],
            iopub_port: ports[1],
            stdin_port: ports[2],
            control_port: ports[3],
            hb_port: ports[4],
            key: "key".into(),
            signature_scheme: "hmac-sha256".into(),
        };
        let kernel = FakeKernel::bind(&connection).await.unwrap();
        let endpoint = |port: u16| format!("tcp://127.0.0.1:{port}");
        let dealer = async |port| {
            let mut options = SocketOptions::default();
            options.peer_identity(PeerIdentity::try_from(bytes::Bytes::from_static(b"client")).unwrap());
            let mut dealer = DealerSocket::with_options(options);
            dealer.connect(&endpoint(port)).await.unwrap();
            dealer
        };
        let mut iopub = SubSocket::new();
        iopub.connect(&endpoint(connection.iopub_port)).await.unwrap();
        iopub.subscribe("").await.unwrap();
        let mut client = Self {
            shell: dealer(connection.shell_port).await,
            stdin: dealer(connection.stdin_port).await,
            iopub,
            signer: Signer::new(&connection.signature_scheme, connection.key.as_bytes()).unwrap(),
            kernel: tokio::spawn(kernel.serve()),
        };
        while client.hear().await.header().unwrap().msg_type != "iopub_welcome" {}
        client
    }

    fn request(msg_type: &str, content: &Value) -> Message {
        let header = NewHeader {
            msg_id: "request",
            msg_type,
            session: "client",
            username: "",
            date: "",
        };
        Message::new(Channel::Shell, header, None, content)
    }

    async fn execute(&mut self, code: &str) {
        let request = Self::request("execute_request", &json!({"code": code, "allow_stdin": true}));
        self.shell.send(frames(&self.signer, request)).await.unwrap();
    }

    async fn hear(&mut self) -> Message {
        let frames = timeout(TIMEOUT, self.iopub.recv())
            .await
            .unwrap()
            .unwrap()
            .into_vec();
        from_frames(Channel::Iopub, frames, &self.signer).unwrap()
    }

    /// Everything said of a cell until the kernel is idle again, as type and content.
    async fn hear_cell(&mut self) -> Vec<(String, Value)> {
        let mut heard = Vec::new();
        loop {
            let message = self.hear().await;
            let content: Value = serde_json::from_slice(&message.content).unwrap();
            if content["execution_state"] == "starting" {
                continue;
            }
            let idle = content["execution_state"] == "idle";
            heard.push((message.header().unwrap().msg_type.to_string(), content));
            if idle {
                return heard;
            }
        }
    }

    async fn reply(&mut self) -> Value {
        let frames = timeout(TIMEOUT, self.shell.recv())
            .await
            .unwrap()
            .unwrap()
            .into_vec();
        let message = from_frames(Channel::Shell, frames, &self.signer).unwrap();
        serde_json::from_slice(&message.content).unwrap()
    }
}

/// Five ports that were free a moment ago, all different.
fn free_ports() -> Vec<u16> {
    let listeners: Vec<_> = (0..5)
        .map(|_| TcpListener::bind("127.0.0.1:0").unwrap())
        .collect();
    listeners
        .iter()
        .map(|listener| listener.local_addr().unwrap().port())
        .collect()
}

fn frames(signer: &Signer, message: Message) -> ZmqMessage {
    ZmqMessage::try_from(to_frames(message, signer)).unwrap()
}

#[tokio::test]
async fn a_cell_is_answered_in_ipykernels_order() {
    let mut client = Client::start().await;
    client.execute("print hello").await;
    let heard = client.hear_cell().await;
    let types: Vec<_> = heard.iter().map(|(msg_type, _)| msg_type.as_str()).collect();
    assert_eq!(types, ["status", "execute_input", "stream", "status"]);
    assert_eq!(heard[2].1["text"], "hello\n");
    assert_eq!(client.reply().await["status"], "ok");
}

#[tokio::test]
async fn a_burst_arrives_whole_and_in_order() {
    let mut client = Client::start().await;
    client.execute("burst 50000 20").await;
    let heard = client.hear_cell().await;
    let numbers: Vec<u64> = heard
        .iter()
        .filter(|(msg_type, _)| msg_type == "stream")
        .map(|(_, content)| content["text"].as_str().unwrap().trim().parse().unwrap())
        .collect();
    assert!(numbers.iter().copied().eq(0..50_000), "{} arrived", numbers.len());
}

#[tokio::test]
async fn input_is_asked_of_the_client_that_executes() {
    let mut client = Client::start().await;
    client.execute("input name?").await;
    let question = timeout(TIMEOUT, client.stdin.recv())
        .await
        .unwrap()
        .unwrap()
        .into_vec();
    let question = from_frames(Channel::Stdin, question, &client.signer).unwrap();
    assert_eq!(question.header().unwrap().msg_type, "input_request");
    let answer = Client::request("input_reply", &json!({"value": "Ada"}));
    client.stdin.send(frames(&client.signer, answer)).await.unwrap();
    let heard = client.hear_cell().await;
    assert!(
        heard.iter().any(|(_, content)| content["text"] == "Ada\n"),
        "{heard:?}"
    );
}

#[tokio::test]
async fn it_ends_when_a_cell_says_so_and_when_asked() {
    let mut client = Client::start().await;
    client.execute("exit 3").await;
    assert_eq!(
        timeout(TIMEOUT, client.kernel).await.unwrap().unwrap(),
        Ended::Exit(3)
    );

    let mut client = Client::start().await;
    let request = Client::request("shutdown_request", &json!({"restart": false}));
    client.shell.send(frames(&client.signer, request)).await.unwrap();
    assert_eq!(client.reply().await["status"], "ok");
    assert_eq!(
        timeout(TIMEOUT, client.kernel).await.unwrap().unwrap(),
        Ended::ShutDown
    );
}
