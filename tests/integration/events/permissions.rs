//! Nobody is told of what they may not read.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use authorization::{Action, Authorizer, Decision, ResourceKind, ResourceRef};
use futures::future::BoxFuture;
use identity::Identity;
use serde_json::{Value, json};
use test_support::TestServer;
use tokio::sync::watch;

use super::{CONTENTS_CHANGES, CONTENTS_SERVICE, KERNEL_ACTIONS, emit_mark, subscribe, until_mark};

/// Owners may do all. Guests may not read `secret` directories and kernels; and nothing, once they are sent out.
pub(super) struct Guests {
    are_out: AtomicBool,
    /// How often it was asked about a path on behalf of a guest.
    asked: AtomicUsize,
    changes: watch::Sender<()>,
}

impl Guests {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self {
            are_out: AtomicBool::new(false),
            asked: AtomicUsize::new(0),
            changes: watch::Sender::new(()),
        })
    }

    fn send_out(&self) {
        self.are_out.store(true, Ordering::SeqCst);
        self.changes.send_replace(());
    }
}

impl Authorizer for Guests {
    fn decide<'a>(
        &'a self,
        identity: &'a Identity,
        _action: Action,
        resource: &'a ResourceRef,
    ) -> BoxFuture<'a, Decision> {
        let is_guest = &*identity.username == "guest";
        if is_guest && resource.kind == ResourceKind::Contents {
            self.asked.fetch_add(1, Ordering::SeqCst);
        }
        let is_secret = match resource.kind {
            ResourceKind::Contents => {
                self.are_out.load(Ordering::SeqCst) || resource.name.split('/').any(|part| part == "secret")
            }
            kind => kind == ResourceKind::Kernels,
        };
        let decision = if is_guest && is_secret {
            Decision::hidden_by("not for guests")
        } else {
            Decision::Allow
        };
        Box::pin(std::future::ready(decision))
    }

    fn changes(&self) -> watch::Receiver<()> {
        self.changes.subscribe()
    }
}

pub(super) fn actions(events: &[Value]) -> Vec<String> {
    let text = |event: &Value, field: &str| event[field].as_str().unwrap_or_default().to_owned();
    events
        .iter()
        .map(|event| {
            let (action, path) = (text(event, "action"), text(event, "path"));
            format!("{action} {path} {}", text(event, "source_path"))
                .trim_end()
                .to_owned()
        })
        .collect()
}

#[tokio::test]
async fn an_event_about_a_path_reaches_only_those_who_may_read_it() {
    let policy = Guests::new();
    let server = TestServer::builder()
        .authorizer(policy.clone())
        .file("secret/s.txt", "s")
        .file("secret/t.txt", "t")
        .file("a.txt", "a")
        .start()
        .await;
    let owner = server.as_owner();
    let mut guest = subscribe(&server.as_user("guest")).await;
    owner.get("/api/contents/secret").await.expect(200);
    owner.get("/api/contents/secret/s.txt").await.expect(200);
    owner.get("/api/contents/a.txt").await.expect(200);
    let rename = async |from: &str, to: &str| {
        let from = format!("/api/contents/{from}");
        owner.patch(&from, &json!({"path": to})).await.expect(200);
    };
    rename("secret/s.txt", "secret/u.txt").await;
    rename("secret/u.txt", "shown.txt").await;
    rename("a.txt", "secret/a.txt").await;
    owner
        .post("/api/contents", &json!({"copy_from": "secret/t.txt"}))
        .await
        .expect(201);
    owner
        .post("/api/contents/secret", &json!({"copy_from": "shown.txt"}))
        .await
        .expect(201);
    owner.post("/api/kernels", &json!({})).await.expect(201);
    emit_mark(&server).await;
    let mut heard = actions(&until_mark(&mut guest).await);
    // That something changed in the root, which a guest may list.
    heard.retain(|action| action != "refresh");
    assert_eq!(
        heard,
        ["get a.txt", "create shown.txt", "delete a.txt", "create t.txt"]
    );
}

#[tokio::test]
async fn a_right_that_is_withdrawn_ends_the_events_and_answers_are_remembered_until_then() {
    let policy = Guests::new();
    let server = TestServer::builder()
        .authorizer(policy.clone())
        .file("a.txt", "a")
        .start()
        .await;
    let owner = server.as_owner();
    let mut guest = subscribe(&server.as_user("guest")).await;
    for _ in 0..20 {
        owner.get("/api/contents/a.txt").await.expect(200);
    }
    emit_mark(&server).await;
    assert_eq!(until_mark(&mut guest).await.len(), 20);
    assert_eq!(policy.asked.load(Ordering::SeqCst), 1, "one path, one question");
    policy.send_out();
    owner.get("/api/contents/a.txt").await.expect(200);
    emit_mark(&server).await;
    assert_eq!(until_mark(&mut guest).await, Vec::<Value>::new());
}

#[tokio::test]
async fn a_path_that_leads_out_is_told_to_nobody() {
    let server = TestServer::start().await;
    let owner = server.as_owner();
    let mut socket = subscribe(&owner).await;
    for data in [
        json!({"action": "get", "path": "../x"}),
        json!({"action": "rename", "path": "../x", "source_path": "../y"}),
    ] {
        let event = json!({"schema_id": CONTENTS_SERVICE, "version": "1", "data": data});
        owner.post("/api/events", &event).await.expect(204);
    }
    let event = json!({"schema_id": KERNEL_ACTIONS, "version": "1",
        "data": {"action": "interrupt", "msg": "m", "kernel_id": "../k"}});
    owner.post("/api/events", &event).await.expect(204);
    emit_mark(&server).await;
    assert_eq!(until_mark(&mut socket).await, Vec::<Value>::new());
}

#[tokio::test]
async fn nobody_says_that_something_was_done_to_a_path_they_may_not_write() {
    let server = TestServer::builder().authorizer(Guests::new()).start().await;
    let guest = server.as_user("guest");
    let event = |data: Value| json!({"schema_id": CONTENTS_SERVICE, "version": "1", "data": data});
    for (data, status) in [
        (json!({"action": "delete", "path": "secret/s.txt"}), 404),
        (
            json!({"action": "rename", "path": "a.txt", "source_path": "secret/s.txt"}),
            404,
        ),
        (json!({"action": "save", "path": "a.txt"}), 204),
    ] {
        guest.post("/api/events", &event(data)).await.expect(status);
    }
}

#[tokio::test]
async fn nobody_says_that_something_was_done_to_a_kernel_they_may_not_write() {
    let server = TestServer::builder().authorizer(Guests::new()).start().await;
    let id = "11111111-2222-3333-4444-555555555555";
    let event = |data: Value| json!({"schema_id": KERNEL_ACTIONS, "version": "1", "data": data});
    for data in [
        json!({"action": "shutdown", "msg": "m", "kernel_id": id}),
        json!({"action": "start", "msg": "m"}),
        json!({"action": "start", "msg": "m", "kernel_id": "no id"}),
    ] {
        let guest = server.as_user("guest");
        guest.post("/api/events", &event(data.clone())).await.expect(404);
        server
            .as_owner()
            .post("/api/events", &event(data))
            .await
            .expect(204);
    }
}

#[tokio::test]
async fn only_the_server_says_what_it_has_seen_on_disk() {
    let server = TestServer::start().await;
    let event = json!({"schema_id": CONTENTS_CHANGES, "version": "1",
        "data": {"action": "delete", "path": "a.txt"}});
    let refused = server.as_owner().post("/api/events", &event).await.expect(400);
    assert_eq!(
        refused.json()["message"],
        format!(
            "Events of `{CONTENTS_CHANGES}` tell what the server has seen on disk; clients cannot emit them."
        )
    );
}

#[tokio::test]
async fn strangers_do_not_get_in() {
    let server = TestServer::start().await;
    let refused = server
        .as_stranger()
        .try_websocket("/api/events/subscribe", wire::Subprotocol::Legacy)
        .await;
    assert_eq!(refused.err().unwrap().status, 404);
}
