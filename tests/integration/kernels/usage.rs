//! What kernels use: in their models, and on the routes that jupyter-resource-usage's front ends ask.

use serde_json::{Value, json};
use test_support::{TestClient, TestServer, eventually};
use wire::Subprotocol;

use crate::channels::{cell, ipykernel, run, start_kernel, text};

const MB: u64 = 1_000_000;

/// The member `usage` of a kernel's model, as soon as it is as wanted.
async fn usage_when(
    client: &TestClient,
    kernel: &str,
    what: &str,
    is_wanted: impl Fn(&Value) -> bool,
) -> Value {
    eventually(what, async || {
        let model = client
            .get(&format!("/api/kernels/{kernel}"))
            .await
            .expect(200)
            .json();
        Some(model["usage"].clone()).filter(|usage| usage.is_object() && is_wanted(usage))
    })
    .await
}

fn memory(usage: &Value) -> u64 {
    usage["kernel_memory"].as_u64().unwrap()
}

#[tokio::test]
async fn a_kernel_and_its_session_show_what_it_uses() {
    let server = TestServer::start().await;
    let owner = server.as_owner();
    let asked = json!({"path": "a.ipynb", "type": "notebook", "name": "", "kernel": {"name": "python3"}});
    let session = owner.post("/api/sessions", &asked).await.expect(201).json();
    let kernel = session["kernel"]["id"].as_str().unwrap();
    let usage = usage_when(&owner, kernel, "what the kernel uses", |_| true).await;
    let members: Vec<&String> = usage.as_object().unwrap().keys().collect();
    assert_eq!(members, ["kernel_cpu", "kernel_memory", "cpu_time", "processes"]);
    assert_eq!(usage["processes"], 1);
    assert!((100_000..100 * MB).contains(&memory(&usage)), "{usage}");
    for listing in ["/api/kernels", "/api/sessions"] {
        let listed = owner.get(listing).await.expect(200).json();
        let model = listed[0].get("kernel").unwrap_or(&listed[0]);
        assert_eq!(model["id"], kernel);
        assert!(model["usage"]["kernel_memory"].is_u64(), "{listing}: {listed}");
    }
    let model = owner.get("/api/kernels").await.expect(200).json()[0].clone();
    let members: Vec<String> = model.as_object().unwrap().keys().cloned().collect();
    assert_eq!(
        members,
        [
            "id",
            "name",
            "last_activity",
            "execution_state",
            "connections",
            "usage"
        ],
        "the reference's members, in its order, come first"
    );
}

#[tokio::test]
async fn a_kernel_that_the_server_itself_looks_after_is_measured_too() {
    let server = TestServer::builder()
        .setting("Adrastea.kernel_host_process", "False")
        .start()
        .await;
    let owner = server.as_owner();
    let kernel = start_kernel(&owner).await;
    let usage = usage_when(&owner, &kernel, "what the kernel uses", |_| true).await;
    assert_eq!(usage["processes"], 1);
    owner.delete(&format!("/api/kernels/{kernel}")).await.expect(204);
}

#[tokio::test]
async fn what_a_python_kernel_and_its_children_hold_is_shown() {
    let server = ipykernel::server().await;
    let owner = server.as_owner();
    let kernel = start_kernel(&owner).await;
    let mut socket = owner.channels(&kernel, "s", Subprotocol::V1).await;
    run(&mut socket, "1").await;
    let before = usage_when(&owner, &kernel, "what it uses", |usage| memory(usage) > 20 * MB).await;

    run(&mut socket, "held = b'x' * 200_000_000").await;
    let held = |usage: &Value| memory(usage).saturating_sub(memory(&before));
    let with_memory = usage_when(&owner, &kernel, "200 MB more", |usage| held(usage) > 190 * MB).await;
    assert!(held(&with_memory) < 260 * MB, "{before} {with_memory}");

    // One child in a session of its own, whose parent has ended by then.
    let child = "
import subprocess, sys
code = 'import os, time; os.fork() and os._exit(0); held = b\"x\" * 100_000_000; time.sleep(600)'
subprocess.Popen([sys.executable, '-c', code], start_new_session=True).wait()
print('started')";
    assert_eq!(text(&run(&mut socket, child).await), "started\n");
    let with_child = usage_when(&owner, &kernel, "a child's 100 MB", |usage| {
        held(usage) > 290 * MB
    })
    .await;
    assert!(held(&with_child) < 380 * MB, "{before} {with_child}");
    assert_eq!(with_child["processes"], 2);

    let busy = cell("while True: pass");
    socket.send(&busy).await;
    let number = |usage: &Value, name: &str| usage[name].as_f64().unwrap();
    // On a busy machine it gets only a part of a core.
    let busy = usage_when(&owner, &kernel, "a busy kernel", |usage| {
        let used = number(usage, "cpu_time") - number(&with_child, "cpu_time");
        used > 1.0 && number(usage, "kernel_cpu") > 5.0
    })
    .await;
    assert!(number(&busy, "kernel_cpu") < 220.0, "{busy}");
}

#[tokio::test]
async fn who_may_not_see_a_kernel_does_not_see_what_it_uses() {
    let server = TestServer::start().await;
    let kernel = start_kernel(&server.as_owner()).await;
    let route = format!("/api/metrics/v1/kernel_usage/get_usage/{kernel}");
    server.as_viewer().get(&route).await.expect(200);
    let hidden = server.as_stranger().get(&route).await;
    let missing = server.as_stranger().get(&format!("{route}0")).await;
    assert_eq!(hidden.status, missing.status);
    assert_ne!(hidden.status, 200);
    server.anonymous().get(&route).await.expect(403);
    server.anonymous().get("/api/metrics/v1").await.expect(403);
}

#[tokio::test]
async fn the_limits_of_resource_use_display_are_shown() {
    let server = TestServer::builder()
        .setting("ResourceUseDisplay.mem_limit", "1000")
        .setting("ResourceUseDisplay.track_cpu_percent", "True")
        .setting("ResourceUseDisplay.cpu_limit", "1000")
        .setting("ResourceUseDisplay.cpu_warning_threshold", "0")
        .setting("ResourceUseDisplay.track_disk_usage", "True")
        .setting("ResourceUseDisplay.disk_path", "/")
        .setting("ResourceUseDisplay.show_host_usage", "False")
        .start()
        .await;
    let owner = server.as_owner();
    let metrics = owner.get("/api/metrics/v1").await.expect(200).json();
    let limits = &metrics["limits"];
    assert_eq!(limits["memory"], json!({"rss": 1000, "pss": 1000, "warn": true}));
    assert_eq!(limits["cpu"], json!({"cpu": 1000.0}));
    assert_eq!(limits["disk"]["disk"], metrics["disk_total"]);
    let kernel = start_kernel(&owner).await;
    let route = format!("/api/metrics/v1/kernel_usage/get_usage/{kernel}");
    let usage = owner.get(&route).await.expect(200).json();
    assert_eq!(usage["content"]["host_usage_flag"], false);

    let plain = TestServer::start().await;
    let metrics = plain.as_owner().get("/api/metrics/v1").await.expect(200).json();
    let members: Vec<&String> = metrics.as_object().unwrap().keys().collect();
    assert_eq!(members, ["rss", "limits", "pss"]);
    assert_eq!(metrics["limits"], json!({"memory": {"rss": 0, "pss": 0}}));
}
