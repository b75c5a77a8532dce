//! `POST /api/events`.

use serde_json::{Value, json};
use test_support::TestServer;

use super::{CONTENTS_SERVICE, KERNEL_ACTIONS, next, subscribe};

/// An event with one field set to something else; `null` takes it out.
fn with(field: &str, value: Value) -> Value {
    let mut event =
        json!({"schema_id": CONTENTS_SERVICE, "version": "1", "data": {"action": "get", "path": "zz"}});
    if value.is_null() {
        event.as_object_mut().unwrap().remove(field);
    } else {
        event[field] = value;
    }
    event
}

#[tokio::test]
async fn an_event_goes_to_all_subscribers_with_what_else_its_data_has() {
    let server = TestServer::start().await;
    let (mut one, mut two) = (
        subscribe(&server.as_owner()).await,
        subscribe(&server.as_viewer()).await,
    );
    let data = json!({"action": "get", "path": "zz", "more": [1, {"a": "ü"}]});
    let answer = server
        .as_owner()
        .post("/api/events", &with("data", data.clone()))
        .await;
    assert_eq!(answer.expect(204).text(), "");
    assert_eq!(next(&mut one, CONTENTS_SERVICE).await, data);
    assert_eq!(next(&mut two, CONTENTS_SERVICE).await, data);
}

#[tokio::test]
async fn an_event_that_fits_its_schema_is_emitted() {
    let server = TestServer::start().await;
    let owner = server.as_owner();
    for event in [
        with("version", json!(1)),
        with("timestamp", json!("2022-05-26T13:50:00+05:00Z")),
        json!({"schema_id": KERNEL_ACTIONS, "version": "1", "data": {"action": "start", "msg": "m"}}),
        json!({"schema_id": "https://events.jupyter.org/jupyter_server/gateway_client/v1", "version": "1",
            "data": {"status": "error", "msg": "m"}}),
    ] {
        owner.post("/api/events", &event).await.expect(204);
    }
}

#[tokio::test]
async fn an_event_that_says_too_little_or_does_not_fit_is_refused_in_the_references_words() {
    let server = TestServer::start().await;
    let owner = server.as_owner();
    let unknown = |id: &str| {
        format!(
            "'The requested schema, {id}, was not found in the schema registry. \
             Are you sure it was previously registered?'"
        )
    };
    let unregistered =
        |version: &str| format!("Unregistered version: '{version}'≠'1' for `{CONTENTS_SERVICE}`");
    for (body, message) in [
        (json!(null), "No JSON data provided".to_owned()),
        (
            with("schema_id", json!(null)),
            "Missing `schema_id` in the JSON request body.".to_owned(),
        ),
        (
            with("version", json!(null)),
            "Missing `version` in the JSON request body.".to_owned(),
        ),
        (
            with("data", json!(null)),
            "Missing `data` in the JSON request body.".to_owned(),
        ),
        (with("schema_id", json!("no")), unknown("no")),
        (with("schema_id", json!(5)), unknown("5")),
        (with("version", json!("2")), unregistered("2")),
        (with("version", json!(true)), unregistered("True")),
        (
            with("timestamp", json!("2022-05-26T13:50:00Z")),
            "HTTP 400: Bad Request (Failed to parse timestamp from JSON request body,\n            an ISO format \
             datetime string with UTC offset is expected,\n            for example, 2022-05-26T13:50:00+05:00Z)"
                .to_owned(),
        ),
        (
            with("data", json!({"action": "get"})),
            "\"path\" is a required property".to_owned(),
        ),
        (
            with("data", json!({"action": "get", "path": 1})),
            "1 is not of type \"string\" (at /path)".to_owned(),
        ),
        (
            with("data", json!({"action": "get", "path": "a", "schema_id": "mine"})),
            "'schema_id' is a field of every event and cannot be one of its data".to_owned(),
        ),
    ] {
        let answer = owner.post("/api/events", &body).await.expect(400).json();
        assert_eq!(answer, json!({"message": message, "reason": null}), "{body}");
    }
}

#[tokio::test]
async fn clients_emit_events_of_schemas_that_were_configured() {
    let schema = json!({"$id": "http://event.example/v1", "version": "7", "type": "object",
        "properties": {"count": {"type": "integer"}}, "required": ["count"]});
    let builder = TestServer::builder().config_file("schema.json", &schema.to_string());
    let file = builder.config_path("schema.json");
    let server = builder
        .setting("Adrastea.event_schemas", &file.to_string_lossy())
        .start()
        .await;
    let mut viewer = subscribe(&server.as_viewer()).await;
    let event = |data: Value| json!({"schema_id": "http://event.example/v1", "version": "7", "data": data});
    let owner = server.as_owner();
    owner
        .post("/api/events", &event(json!({"count": 1})))
        .await
        .expect(204);
    owner
        .post("/api/events", &event(json!({"count": "x"})))
        .await
        .expect(400);
    assert_eq!(
        next(&mut viewer, "http://event.example/v1").await,
        json!({"count": 1})
    );
}

#[tokio::test]
async fn a_viewer_emits_nothing() {
    let server = TestServer::start().await;
    let event = with("version", json!("1"));
    server.as_viewer().post("/api/events", &event).await.expect(403);
}
