//! JupyterLab's settings, beside the reference.

use serde_json::{Value, json};

use super::reference::Reference;
use super::site::builder;

const THEMES: &str = "/lab/api/settings/@jupyterlab/apputils-extension:themes";
/// News are this server's own, so JupyterLab need not ask about them.
const NOTIFICATIONS: &str = "@jupyterlab/apputils-extension:notification";

#[tokio::test]
async fn settings_are_those_of_the_reference() {
    let server = builder().start().await;
    let reference = Reference::start(&server.root()).await;
    let owner = server.as_owner();
    let ours = owner.get("/lab/api/settings").await.expect(200).json();
    let theirs = reference.get("/lab/api/settings").await;
    let list = |all: &Value| all["settings"].as_array().expect("a list").clone();
    let ids = |all: &Value| {
        list(all)
            .iter()
            .map(|model| model["id"].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(ids(&ours), ids(&theirs));
    for (ours, theirs) in list(&ours)
        .iter()
        .zip(list(&theirs))
        .filter(|(ours, _)| ours["id"] != NOTIFICATIONS)
    {
        assert_eq!(*ours, theirs, "{}", ours["id"]);
    }
    let only_ids = "/lab/api/settings/?ids_only=true&1795349235713";
    assert_eq!(
        owner.get(only_ids).await.expect(200).json(),
        reference.get(only_ids).await
    );
}

#[tokio::test]
async fn what_is_kept_comes_back_as_it_was_written() {
    let server = builder().start().await;
    let reference = Reference::start(&server.root()).await;
    let owner = server.as_owner();
    let body = json!({ "raw": "{\n  // mine\n  \"theme\": 'JupyterLab Dark',\n}" });
    let _ = owner.put(THEMES, &body).await.expect(204);
    assert_eq!(reference.put(THEMES, &body).await, 204);
    let without_times = |mut model: Value| {
        for key in ["last_modified", "created"] {
            let time = model[key].take();
            let time = time.as_str().unwrap_or_default().to_owned();
            assert!(time.ends_with("+00:00") && time.len() >= 25, "{key}: {time}");
        }
        model
    };
    let ours = without_times(owner.get(THEMES).await.expect(200).json());
    assert_eq!(ours, without_times(reference.get(THEMES).await));
    assert_eq!(ours["raw"], body["raw"]);
    let file = "lab/user-settings/@jupyterlab/apputils-extension/themes.jupyterlab-settings";
    let read = |directory: std::path::PathBuf| std::fs::read(directory.join(file)).expect("the file");
    assert_eq!(read(server.config_dir()), read(reference.config_dir()));
}

#[tokio::test]
async fn bad_settings_are_refused_with_a_sentence_and_change_nothing() {
    let server = builder().start().await;
    let owner = server.as_owner();
    let refused = async |path: &str, body: Value, status: u16, part: &str| {
        let answer = owner.put(path, &body).await.expect(status).json();
        let message = answer["message"].as_str().unwrap_or_default();
        assert!(message.contains(part), "{body}: {message}");
        assert!(!message.contains("/schemas"), "a path on the server: {message}");
    };
    refused(
        THEMES,
        json!({ "raw": "{theme: 3}" }),
        400,
        "Failed validating input: ",
    )
    .await;
    refused(
        THEMES,
        json!({ "raw": "{theme" }),
        400,
        "Failed parsing JSON payload: ",
    )
    .await;
    refused(
        THEMES,
        json!({ "other": 1 }),
        400,
        "Must be in the form {'raw': ...}",
    )
    .await;
    refused(THEMES, json!(["{}"]), 400, "an object is expected").await;
    refused(
        "/lab/api/settings/no:such",
        json!({ "raw": "{}" }),
        404,
        "Schema not found: no:such",
    )
    .await;
    refused(
        "/lab/api/settings/..%2F..%2Fx:y",
        json!({ "raw": "{}" }),
        404,
        "Schema not found",
    )
    .await;
    let request = owner.request(http::Method::PUT, THEMES).body("{");
    let _ = owner.send(request).await.expect(400);
    assert!(!server.config_dir().join("lab").exists());
}
