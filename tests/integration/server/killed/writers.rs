//! Clients that change files until their server is gone, each in its own way, and remember what was answered.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::super::process::Running;
use super::content;

/// What a writer knows of its file.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Known {
    /// The last version whose save was answered.
    pub(super) answered: u64,
    /// The last version that was sent.
    pub(super) sent: u64,
}

/// All writers of a round.
pub(super) struct Writers {
    tasks: JoinSet<(&'static str, Known)>,
}

#[derive(Clone)]
struct Client {
    client: reqwest::Client,
    url: String,
    token: String,
}

impl Client {
    /// The status, or nothing when the server is gone.
    async fn send(&self, method: reqwest::Method, path: &str, body: Value) -> Option<u16> {
        let request = self
            .client
            .request(method, format!("{}api/contents{path}", self.url))
            .header("authorization", format!("token {}", self.token))
            .body(body.to_string());
        let answer = request.send().await.ok()?;
        let status = answer.status().as_u16();
        let text = answer.text().await.ok()?;
        assert!(status < 300, "{path}: {status} {text}");
        Some(status)
    }

    async fn put(&self, path: &str, body: Value) -> Option<u16> {
        self.send(reqwest::Method::PUT, path, body).await
    }
}

impl Writers {
    pub(super) fn start(server: &Running, known: &BTreeMap<&'static str, Known>) -> Self {
        let client = Client {
            client: reqwest::Client::builder().no_proxy().build().expect("a client"),
            url: server.url(),
            token: server.token(),
        };
        let mut tasks = JoinSet::new();
        for name in ["a.txt", "z.bin", "n.ipynb", "linked.txt", "linked.ipynb"] {
            let known = known.get(name).copied().unwrap_or_default();
            tasks.spawn(save(client.clone(), name, known));
        }
        let parts = known.get("parts.txt").copied().unwrap_or_default();
        tasks.spawn(upload_in_parts(client.clone(), parts));
        tasks.spawn(make_and_restore_checkpoints(
            client.clone(),
            known.get("restored.txt").copied().unwrap_or_default(),
        ));
        tasks.spawn(rename(
            client.clone(),
            known.get("here.txt").copied().unwrap_or_default(),
        ));
        tasks.spawn(create(client, known.get("tree").copied().unwrap_or_default()));
        Self { tasks }
    }

    /// What they know when the server is gone.
    pub(super) async fn ended(self) -> BTreeMap<&'static str, Known> {
        self.tasks.join_all().await.into_iter().collect()
    }
}

async fn save(client: Client, name: &'static str, mut known: Known) -> (&'static str, Known) {
    loop {
        known.sent += 1;
        let text = content(known.sent);
        let body = match name {
            "n.ipynb" | "linked.ipynb" => json!({"type": "notebook", "content": {
                "nbformat": 4, "nbformat_minor": 5, "metadata": {},
                "cells": [{"cell_type": "markdown", "id": "a", "metadata": {}, "source": text}],
            }}),
            _ => json!({"type": "file", "format": "text", "content": text}),
        };
        match client.put(&format!("/{name}"), body).await {
            Some(_) => known.answered = known.sent,
            None => return (name, known),
        }
    }
}

/// A part of an upload: it says which one it is.
fn part(version: u64) -> String {
    format!(
        "<{version}:{}>",
        "x".repeat(usize::try_from(version * 7919 % 50_000).expect("small"))
    )
}

/// The numbers of the parts a file consists of, if each is whole.
pub(super) fn parts_of(mut found: &str) -> Option<Vec<u64>> {
    let mut parts = Vec::new();
    while !found.is_empty() {
        let number: u64 = found.strip_prefix('<')?.split_once(':')?.0.parse().ok()?;
        found = found.strip_prefix(&part(number))?;
        parts.push(number);
    }
    (!parts.is_empty()).then_some(parts)
}

async fn upload_in_parts(client: Client, mut known: Known) -> (&'static str, Known) {
    loop {
        for chunk in [1, 2, 3, -1] {
            known.sent += 1;
            let body = json!({"type": "file", "format": "text", "chunk": chunk, "content": part(known.sent)});
            match client.put("/parts.txt", body).await {
                Some(_) => known.answered = known.sent,
                None => return ("parts.txt", known),
            }
        }
    }
}

async fn make_and_restore_checkpoints(client: Client, mut known: Known) -> (&'static str, Known) {
    let post = |path: &'static str| client.send(reqwest::Method::POST, path, Value::Null);
    loop {
        known.sent += 1;
        let body = json!({"type": "file", "format": "text", "content": content(known.sent)});
        let done = client.put("/restored.txt", body).await.is_some()
            && post("/restored.txt/checkpoints").await.is_some()
            && post("/restored.txt/checkpoints/checkpoint").await.is_some();
        match done {
            true => known.answered = known.sent,
            false => return ("restored.txt", known),
        }
    }
}

async fn rename(client: Client, mut known: Known) -> (&'static str, Known) {
    let (mut from, mut to) = ("here.txt", "there.txt");
    loop {
        known.sent += 1;
        // Which of the two it is after a kill is not known before it is asked for.
        let is_there = client
            .client
            .get(format!("{}api/contents/{from}?content=0", client.url))
            .header("authorization", format!("token {}", client.token));
        match is_there.send().await.map(|answer| answer.status().as_u16()) {
            Err(_) => return ("here.txt", known),
            Ok(200) => {
                let body = json!({"path": to});
                if client
                    .send(reqwest::Method::PATCH, &format!("/{from}"), body)
                    .await
                    .is_none()
                {
                    return ("here.txt", known);
                }
                known.answered = known.sent;
            }
            Ok(_) => {}
        }
        (from, to) = (to, from);
    }
}

/// Copies of a directory, and notebooks without a name.
async fn create(client: Client, mut known: Known) -> (&'static str, Known) {
    loop {
        known.sent += 1;
        for body in [json!({"copy_from": "tree"}), json!({"type": "notebook"})] {
            if client.send(reqwest::Method::POST, "", body).await.is_none() {
                return ("tree", known);
            }
        }
        known.answered = known.sent;
    }
}
