//! Who may listen, who may send, and what a refusal looks like.

use std::sync::{
    Arc,
    atomic::{AtomicU8, Ordering},
};

use authorization::{Action, Authorizer, Decision, ResourceRef};
use futures::future::BoxFuture;
use identity::Identity;
use serde_json::json;
use test_support::{TestServer, request};
use tokio::sync::watch;
use wire::{Channel, Subprotocol};

use super::{cell, content, kind, kinds, parent, run, server_and_socket, start_kernel, text};

#[tokio::test]
async fn a_viewer_watches_a_running_kernel() {
    let (server, kernel, mut owner) = server_and_socket().await;
    let mut viewer = server
        .as_viewer()
        .channels(&kernel, "viewer", Subprotocol::V1)
        .await;
    run(&mut owner, "print hello").await;
    let output = viewer
        .until("the owner's output", |message| kind(message) == "stream")
        .await;
    assert_eq!(content(&output)["text"], "hello\n");
}

#[tokio::test]
async fn a_viewers_cell_is_refused_to_its_end_and_never_runs() {
    let (server, kernel, mut owner) = server_and_socket().await;
    let mut viewer = server
        .as_viewer()
        .channels(&kernel, "viewer", Subprotocol::V1)
        .await;
    let refused = run(&mut viewer, "print mine").await;
    assert_eq!(kinds(&refused), ["status", "error", "execute_reply", "status"]);
    let sentence = "User is not authorized to execute on resource: kernels.";
    assert_eq!(content(&refused[1])["evalue"], sentence);
    let reply = content(&refused[2]);
    assert_eq!(
        (&reply["status"], &reply["evalue"]),
        (&json!("error"), &json!(sentence))
    );
    // JupyterLab takes another session for a restart of the kernel.
    let ours = refused[0].header().unwrap().session.to_string();
    let own = run(&mut owner, "print yours").await;
    assert_eq!(own[0].header().unwrap().session, ours);
    // The first cell of the kernel is the owner's, and the owner hears nothing of the refusal.
    let input = own
        .iter()
        .find(|message| kind(message) == "execute_input")
        .unwrap();
    assert_eq!(content(input)["execution_count"], 1);
    assert_eq!(text(&own), "yours\n");
}

#[tokio::test]
async fn a_viewer_may_ask_about_the_kernel_and_control_nothing() {
    let (server, kernel, _owner) = server_and_socket().await;
    let mut viewer = server
        .as_viewer()
        .channels(&kernel, "viewer", Subprotocol::V1)
        .await;
    let status_of_reply = async |socket: &mut test_support::TestSocket, channel, msg_type| {
        let question = request(channel, msg_type, "viewer", &json!({}));
        socket.send(&question).await;
        let answers = socket.answers_to(&question).await;
        let reply = answers
            .iter()
            .find(|message| kind(message).ends_with("_reply"))
            .unwrap();
        assert_eq!(reply.channel, channel);
        content(reply)["status"].clone()
    };
    assert_eq!(
        status_of_reply(&mut viewer, Channel::Shell, "kernel_info_request").await,
        "ok"
    );
    for (channel, msg_type) in [
        (Channel::Control, "shutdown_request"),
        (Channel::Control, "interrupt_request"),
        (Channel::Shell, "shutdown_request"),
        (Channel::Shell, "complete_request"),
        (Channel::Shell, "history_request"),
        (Channel::Control, "debug_request"),
    ] {
        assert_eq!(
            status_of_reply(&mut viewer, channel, msg_type).await,
            "error",
            "{msg_type}"
        );
    }
}

#[tokio::test]
async fn a_stranger_finds_no_kernel_and_who_is_nobody_gets_403() {
    let (server, kernel, _owner) = server_and_socket().await;
    let path = format!("/api/kernels/{kernel}/channels?session_id=s");
    let stranger = server
        .as_stranger()
        .try_websocket(&path, Subprotocol::V1)
        .await
        .err()
        .unwrap();
    assert_eq!(stranger.status, 404);
    let nobody = server
        .anonymous()
        .try_websocket(&path, Subprotocol::V1)
        .await
        .err()
        .unwrap();
    assert_eq!(nobody.status, 403);
    let elsewhere = server
        .with_token()
        .with_header("origin", "https://elsewhere.example");
    // A token is proof enough, wherever the page is from.
    assert!(elsewhere.try_websocket(&path, Subprotocol::V1).await.is_ok());
}

/// Allows everything, then what it is told to.
pub(super) struct Withdrawn {
    allowed: AtomicU8,
    changes: watch::Sender<()>,
}

const ALL: u8 = 0;
pub(super) const READ: u8 = 1;
const NOTHING: u8 = 2;

impl Withdrawn {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            allowed: AtomicU8::new(ALL),
            changes: watch::Sender::new(()),
        })
    }

    pub(super) fn allow(&self, allowed: u8) {
        self.allowed.store(allowed, Ordering::SeqCst);
        self.changes.send_replace(());
    }
}

impl Authorizer for Withdrawn {
    fn decide<'a>(
        &'a self,
        _identity: &'a Identity,
        action: Action,
        _resource: &'a ResourceRef,
    ) -> BoxFuture<'a, Decision> {
        let decision = match (self.allowed.load(Ordering::SeqCst), action) {
            (ALL, _) | (READ, Action::Read) => Decision::Allow,
            _ => Decision::forbidden_by("withdrawn"),
        };
        Box::pin(std::future::ready(decision))
    }

    fn changes(&self) -> watch::Receiver<()> {
        self.changes.subscribe()
    }
}

#[tokio::test]
async fn a_withdrawn_right_to_execute_takes_effect_in_the_open_connection() {
    let policy = Withdrawn::new();
    let server = TestServer::builder().authorizer(policy.clone()).start().await;
    let owner = server.as_owner();
    let kernel = start_kernel(&owner).await;
    let mut socket = owner.channels(&kernel, "s", Subprotocol::V1).await;
    assert_eq!(text(&run(&mut socket, "print one").await), "one\n");
    policy.allow(READ);
    assert_eq!(kinds(&run(&mut socket, "print two").await)[1], "error");
    policy.allow(ALL);
    assert_eq!(text(&run(&mut socket, "print three").await), "three\n");
}

#[tokio::test]
async fn a_withdrawn_right_to_read_closes_the_connection_with_1008() {
    let policy = Withdrawn::new();
    let server = TestServer::builder().authorizer(policy.clone()).start().await;
    let owner = server.as_owner();
    let kernel = start_kernel(&owner).await;
    let mut socket = owner.channels(&kernel, "s", Subprotocol::V1).await;
    let cell = cell("sleep 600000 until interrupted");
    socket.send(&cell).await;
    let id = cell.header().unwrap().msg_id.to_string();
    socket
        .until("the cell's start", |message| parent(message) == id)
        .await;
    policy.allow(NOTHING);
    let closed = socket.closed().await.unwrap();
    assert_eq!(
        (u16::from(closed.code), closed.reason.as_str()),
        (1008, "the permission was withdrawn")
    );
}

#[tokio::test]
async fn another_users_session_id_gets_nothing_of_theirs() {
    let (server, kernel, mut owner) = server_and_socket().await;
    let cell = cell("input secret?");
    owner.send(&cell).await;
    let prompt = owner
        .until("the prompt", |message| kind(message) == "input_request")
        .await;
    // Everybody hears it, in the parents of the output.
    let session_id = "owner-session";
    let mut viewer = server
        .as_viewer()
        .channels(&kernel, session_id, Subprotocol::V1)
        .await;
    let answer = request(
        Channel::Stdin,
        "input_reply",
        "client",
        &json!({"value": "s3cret"}),
    );
    owner.send(&answer).await;
    // The owner's socket is still open and gets the rest.
    let rest = owner.answers_to(&cell).await;
    assert!(kinds(&rest).contains(&"execute_reply".to_owned()));
    assert_eq!(content(&prompt)["prompt"], "secret?");
    // The viewer hears what everybody hears, and no reply.
    loop {
        let heard = viewer.next().await.unwrap();
        assert!(heard.channel == Channel::Iopub, "{heard:?}");
        if super::is_idle(&heard) {
            break;
        }
    }
    // Nor does the viewer get what was said while the owner was away.
    drop(owner);
    let mut owner = server
        .as_owner()
        .channels(&kernel, session_id, Subprotocol::V1)
        .await;
    assert_eq!(text(&run(&mut owner, "print back").await), "back\n");
}

#[tokio::test]
async fn a_script_with_the_token_goes_on_where_it_stopped() {
    let (server, kernel, mut owner) = server_and_socket().await;
    // Without a cookie it is another anonymous user each time.
    let script = || server.with_token();
    let mut socket = script().channels(&kernel, "script", Subprotocol::V1).await;
    let cell = cell("input go?\nprint while away");
    socket.send(&cell).await;
    socket
        .until("the prompt", |message| kind(message) == "input_request")
        .await;
    socket.close().await;
    let answer = request(Channel::Stdin, "input_reply", "client", &json!({"value": "go"}));
    owner.send(&answer).await;
    owner
        .until("the output", |message| {
            kind(message) == "stream" && content(message)["text"] == "while away\n"
        })
        .await;
    let mut socket = script().channels(&kernel, "script", Subprotocol::V1).await;
    assert!(text(&socket.answers_to(&cell).await).contains("while away"));
}
