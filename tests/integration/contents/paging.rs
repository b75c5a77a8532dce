//! `?limit=&after=`: listings in pages, and that they show no more than whole ones.

use std::collections::BTreeSet;
use std::sync::Arc;

use authorization::{Action, Authorizer, Covers, Decision, ResourceKind, ResourceRef};
use futures::future::BoxFuture;
use identity::Identity;
use serde_json::{Value, json};
use test_support::{TestClient, TestServer};
use tokio::sync::watch;

fn names(model: &Value) -> Vec<&str> {
    let entries = model["content"].as_array().expect("a listing");
    entries
        .iter()
        .map(|entry| entry["name"].as_str().unwrap())
        .collect()
}

/// All names, and the total that every page tells.
async fn all_pages(client: &TestClient, directory: &str, limit: usize) -> (Vec<String>, u64) {
    let (mut seen, mut after, mut totals) = (Vec::new(), String::new(), BTreeSet::new());
    loop {
        let url = format!("/api/contents/{directory}?limit={limit}&after={after}");
        let model = client.get(&url).await.expect(200).json();
        seen.extend(names(&model).iter().map(|name| (*name).to_owned()));
        totals.insert(model["total"].as_u64().expect("a total"));
        match &model["next"] {
            Value::String(next) => after = next.bytes().map(|byte| format!("%{byte:02X}")).collect(),
            _ => break,
        }
    }
    assert_eq!(totals.len(), 1, "{totals:?}");
    (seen, totals.pop_first().unwrap())
}

#[tokio::test]
async fn pages_show_what_the_whole_listing_shows() {
    let mut builder = TestServer::builder();
    for name in [
        "b.txt",
        "ä ö",
        " a&b=c+d ",
        "n.ipynb",
        ".hidden",
        "x.pyc",
        "__pycache__/x",
        "sub/y",
        "Z",
    ] {
        builder = builder.file(&format!("d/{name}"), "x");
    }
    let server = builder.start().await;
    let owner = server.as_owner();
    let whole = owner.get("/api/contents/d").await.expect(200).json();
    assert!(whole.get("total").is_none() && whole.get("next").is_none());
    let expected = [" a&b=c+d ", "Z", "b.txt", "n.ipynb", "sub", "ä ö"];
    for limit in [1, 2, 4, 100] {
        let (seen, total) = all_pages(&owner, "d", limit).await;
        assert_eq!(
            (seen, total),
            (expected.map(str::to_owned).to_vec(), 6),
            "limit {limit}"
        );
    }
    let page = owner
        .get("/api/contents/d?limit=2&after=Z")
        .await
        .expect(200)
        .json();
    assert_eq!(
        (&page["total"], &page["next"], &page["format"]),
        (&json!(6), &json!("n.ipynb"), &json!("json"))
    );
    for entry in page["content"].as_array().unwrap() {
        assert!(whole["content"].as_array().unwrap().contains(entry), "{entry}");
    }
}

#[tokio::test]
async fn what_has_no_pages_is_answered_as_ever() {
    let server = TestServer::builder().file("d/a.txt", "x").start().await;
    let owner = server.as_owner();
    for path in ["d/a.txt", "d?content=0", "d/a.txt?hash=1"] {
        let (joined, limited) = (path.contains('?'), format!("/api/contents/{path}"));
        let limited = format!("{limited}{}limit=1&after=x", if joined { "&" } else { "?" });
        let expected = owner
            .get(&format!("/api/contents/{path}"))
            .await
            .expect(200)
            .json();
        assert_eq!(owner.get(&limited).await.expect(200).json(), expected);
    }
    owner.get("/api/contents/none?limit=1").await.expect(404);
    owner.get("/api/contents/d?limit=1&type=file").await.expect(400);
    for (limit, must_be) in [
        ("", "a number"),
        ("-1", "at least 1"),
        ("0", "at least 1"),
        ("x", "a number"),
        ("1.5", "a number"),
    ] {
        let answer = owner
            .get(&format!("/api/contents/d?limit={limit}"))
            .await
            .expect(400);
        assert_eq!(
            answer.json()["message"],
            format!("Limit '{limit}' is invalid. It must be {must_be}.")
        );
    }
}

/// Hides every name that ends with an even digit.
struct OddOnly(watch::Sender<()>);

impl Authorizer for OddOnly {
    fn decide<'a>(
        &'a self,
        _identity: &'a Identity,
        _action: Action,
        resource: &'a ResourceRef,
    ) -> BoxFuture<'a, Decision> {
        let last = resource.name.bytes().last().unwrap_or(b'1');
        let hidden =
            resource.kind == ResourceKind::Contents && last.is_ascii_digit() && last.is_multiple_of(2);
        let decision = if hidden {
            Decision::hidden_by("odd only")
        } else {
            Decision::Allow
        };
        Box::pin(std::future::ready(decision))
    }

    fn covers<'a>(
        &'a self,
        _identity: &'a Identity,
        _action: Action,
        _directory: &'a ResourceRef,
    ) -> BoxFuture<'a, Covers> {
        Box::pin(std::future::ready(Covers::Each))
    }

    fn changes(&self) -> watch::Receiver<()> {
        self.0.subscribe()
    }
}

#[tokio::test]
async fn pages_hide_what_the_policy_hides_and_do_not_count_it() {
    let mut builder = TestServer::builder().authorizer(Arc::new(OddOnly(watch::Sender::new(()))));
    for number in 0..10 {
        builder = builder.file(&format!("d/f{number}"), "x");
    }
    let server = builder.start().await;
    let owner = server.as_owner();
    let expected = ["f1", "f3", "f5", "f7", "f9"].map(str::to_owned).to_vec();
    for limit in [1, 2, 5, 6] {
        assert_eq!(
            all_pages(&owner, "d", limit).await,
            (expected.clone(), 5),
            "limit {limit}"
        );
    }
    let mut whole = owner.get("/api/contents/d").await.expect(200).json();
    whole["content"]
        .as_array_mut()
        .unwrap()
        .sort_by_key(|entry| entry["name"].to_string());
    assert_eq!(names(&whole), expected);
}

#[tokio::test]
async fn a_directory_of_thousands_is_read_page_by_page() {
    let server = TestServer::builder().file("d/f00000", "").start().await;
    for number in 1..3_000 {
        std::fs::write(server.root().join(format!("d/f{number:05}")), "").unwrap();
    }
    let (seen, total) = all_pages(&server.as_owner(), "d", 700).await;
    assert_eq!((seen.len(), total), (3_000, 3_000));
    assert!(seen.is_sorted());
}
