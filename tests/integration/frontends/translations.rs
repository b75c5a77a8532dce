//! Language packs, themes, and the other small services, beside the reference.

use serde_json::json;

use super::reference::Reference;
use super::site::builder;

#[tokio::test]
async fn small_services_answer_as_the_reference_does() {
    let server = builder().start().await;
    let reference = Reference::start(&server.root()).await;
    let owner = server.as_owner();
    for path in [
        "/lab/api/translations",
        "/lab/api/translations/",
        "/lab/api/translations/fr_FR",
        "/lab/api/listings/@jupyterlab/extensionmanager-extension/listings.json",
        "/lab/api/licenses/?format=json",
        "/lab/api/plugins",
        "/lab/api/build",
        "/lab/api/update",
        "/lab/api/news",
        "/api/config/notebook",
        "/api/config/nothing",
    ] {
        assert_eq!(
            owner.get(path).await.expect(200).json(),
            reference.get(path).await,
            "{path}"
        );
    }
    let mut installed: Vec<_> = reference
        .get("/lab/api/extensions")
        .await
        .as_array()
        .expect("a list")
        .to_vec();
    let ours = owner
        .get("/lab/api/extensions?refresh=0&page=1&per_page=30")
        .await
        .expect(200)
        .json();
    assert_eq!(ours.as_array().map(Vec::len), Some(installed.len()));
    let first = installed.pop().expect("an extension");
    let keys = |model: &serde_json::Value| {
        model
            .as_object()
            .expect("an object")
            .keys()
            .cloned()
            .collect::<Vec<_>>()
    };
    assert_eq!(keys(&ours[0]), keys(&first));
}

#[tokio::test]
async fn a_language_that_is_none_is_said_to_be_none() {
    let server = builder().start().await;
    let answer = server
        .as_owner()
        .get("/lab/api/translations/No%20Such")
        .await
        .expect(200)
        .json();
    assert_eq!(
        answer,
        json!({ "data": {}, "message": "Language pack 'No Such' not valid!" })
    );
}

#[tokio::test]
async fn licenses_come_as_tables_and_bad_questions_are_refused() {
    let server = builder().start().await;
    let owner = server.as_owner();
    let csv = owner
        .get("/lab/api/licenses/?format=csv&download=1")
        .await
        .expect(200);
    assert!(
        csv.text()
            .starts_with("bundle,name,versionInfo,licenseId,extractedText\r\n")
    );
    assert_eq!(
        csv.header("content-disposition"),
        "attachment; filename*=utf-8''jupyterlab-licenses.csv"
    );
    let markdown = owner
        .get("/lab/api/licenses/?format=markdown&full_text=false")
        .await
        .expect(200)
        .text();
    assert!(markdown.starts_with("# ") && !markdown.contains("<pre/>"));
    let none = owner
        .get("/lab/api/licenses/?bundles=no-such")
        .await
        .expect(200)
        .json();
    assert_eq!(none, json!({ "bundles": {} }));
    let _ = owner.get("/lab/api/licenses/?format=xml").await.expect(400);
    let _ = owner.get("/lab/api/licenses/?bundles=(").await.expect(400);
}

#[tokio::test]
async fn extensions_are_switched_in_the_users_own_configuration() {
    let server = builder().start().await;
    let owner = server.as_owner();
    let extension = "@jupyter-widgets/jupyterlab-manager";
    let switch = |command: &str| json!({ "cmd": command, "extension_name": extension });
    let _ = owner
        .post("/lab/api/extensions", &switch("disable"))
        .await
        .expect(201);
    let page = super::site::page_config(&owner.get("/lab").await.expect(200));
    assert_eq!(page["disabledExtensions"], json!([extension]));
    let _ = owner
        .post("/lab/api/extensions", &switch("enable"))
        .await
        .expect(201);
    let page = super::site::page_config(&owner.get("/lab").await.expect(200));
    assert_eq!(page["disabledExtensions"], json!([]));
    let blocked = owner
        .post("/lab/api/extensions", &switch("install"))
        .await
        .expect(422)
        .json();
    assert!(
        blocked["message"]
            .as_str()
            .is_some_and(|message| message.contains("was blocked")),
        "{blocked}"
    );
    let _ = owner
        .post("/lab/api/plugins", &json!({ "cmd": "what", "plugin_name": "x" }))
        .await
        .expect(422);
    let _ = owner
        .post("/lab/api/plugins", &json!({ "cmd": "disable" }))
        .await
        .expect(400);
}
