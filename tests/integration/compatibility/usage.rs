//! The routes of jupyter-resource-usage, beside that package in the reference.

use serde_json::{Value, json};
use test_support::{TOKEN, TestClient, TestServer, eventually};

use super::reference::Reference;

/// What both are asked to show.
const SHOWN: [(&str, &str); 5] = [
    ("ResourceUseDisplay.mem_limit", "100000000000"),
    ("ResourceUseDisplay.track_cpu_percent", "True"),
    ("ResourceUseDisplay.cpu_limit", "10000"),
    ("ResourceUseDisplay.track_disk_usage", "True"),
    ("ResourceUseDisplay.disk_path", "/"),
];

/// The packages of `tests/extension-packages.txt`, beside the Python of the tests.
fn extensions() -> String {
    let python = crate::contents::python();
    let environment = python.ancestors().nth(2).expect("python is in a bin directory");
    let extensions = environment.join("extensions");
    assert!(
        extensions.is_dir(),
        "{} is not there: run `cargo xtask test`, or `pip install --no-deps --requirement tests/extension-packages.txt --target` with that directory",
        extensions.display()
    );
    extensions.display().to_string()
}

async fn reference() -> (Reference, TestClient) {
    let enabled = (
        "ServerApp.jpserver_extensions",
        "{'jupyter_resource_usage': True}",
    );
    let settings: Vec<(&str, String)> = SHOWN
        .into_iter()
        .chain([enabled])
        .map(|(name, value)| (name, value.to_owned()))
        .collect();
    let reference = Reference::start_with(&settings, &[("PYTHONPATH", extensions())]).await;
    let url = format!("http://127.0.0.1:{}/", reference.port);
    (reference, TestClient::of_another_server(&url, TOKEN))
}

async fn ours() -> TestServer {
    let argv = json!([
        crate::contents::python(),
        "-m",
        "ipykernel_launcher",
        "-f",
        "{connection_file}"
    ]);
    let spec = json!({"argv": argv, "display_name": "Python", "language": "python"});
    let builder = TestServer::builder()
        .without_fake_kernel()
        .kernelspec("python3", spec);
    let builder = SHOWN
        .into_iter()
        .fold(builder, |builder, (name, value)| builder.setting(name, value));
    builder.start().await
}

/// The members of objects in it, and what kind of value each has.
fn shape(value: &Value) -> Value {
    match value {
        Value::Object(members) => members
            .iter()
            .map(|(name, value)| (name.clone(), shape(value)))
            .collect(),
        Value::Array(items) => items.iter().map(shape).collect(),
        Value::Number(number) if number.is_f64() => "fraction".into(),
        Value::Number(_) => "number".into(),
        Value::String(_) => "text".into(),
        Value::Bool(_) => "switch".into(),
        Value::Null => Value::Null,
    }
}

fn members(value: &Value) -> Vec<&String> {
    value.as_object().unwrap().keys().collect()
}

/// Starts a kernel and asks what it uses until all of that is known.
async fn kernel_usage(client: &TestClient) -> Value {
    let model = client
        .post("/api/kernels", &json!({"name": "python3"}))
        .await
        .expect(201)
        .json();
    let route = format!(
        "/api/metrics/v1/kernel_usage/get_usage/{}",
        model["id"].as_str().unwrap()
    );
    eventually("what the kernel uses", async || {
        let usage = client.get(&route).await.expect(200).json();
        let is_whole = usage["content"]["host_cpu_percent"].is_number();
        // A kernel that has just begun to start has less.
        let has_started = usage["content"]["kernel_memory"].as_u64()? > 30_000_000;
        (is_whole && has_started).then_some(usage)
    })
    .await
}

#[tokio::test]
async fn what_the_server_and_a_kernel_use_is_told_as_jupyter_resource_usage_tells_it() {
    let (_process, theirs) = reference().await;
    let server = ours().await;
    let owner = server.as_owner();

    let (their_usage, our_usage) = (kernel_usage(&theirs).await, kernel_usage(&owner).await);
    assert_eq!(members(&their_usage), members(&our_usage));
    assert_eq!(shape(&their_usage["header"]), shape(&our_usage["header"]));
    let (their_content, our_content) = (&their_usage["content"], &our_usage["content"]);
    assert_eq!(members(their_content), members(our_content));
    assert_eq!(shape(their_content), shape(our_content));
    for same in ["hostname", "cpu_count"] {
        assert_eq!(their_content[same], our_content[same], "{same}");
    }
    let total = |content: &Value| content["host_virtual_memory"]["total"].clone();
    assert_eq!(total(their_content), total(our_content));
    near("kernel_memory", their_content, our_content, 2.0);
    for name in ["used", "available", "free", "cached", "slab"] {
        let memory = |content: &Value| content["host_virtual_memory"].clone();
        near(name, &memory(their_content), &memory(our_content), 1.5);
    }

    let (their_metrics, our_metrics) = (
        theirs.get("/api/metrics/v1").await.expect(200),
        owner.get("/api/metrics/v1").await.expect(200),
    );
    assert_eq!(
        our_metrics.header("content-type"),
        their_metrics.header("content-type")
    );
    let (their_metrics, our_metrics) = (their_metrics.json(), our_metrics.json());
    assert_eq!(members(&their_metrics), members(&our_metrics));
    assert_eq!(shape(&their_metrics), shape(&our_metrics));
    assert_eq!(their_metrics["limits"], our_metrics["limits"]);
    near("disk_used", &their_metrics, &our_metrics, 1.5);
    let kernel_memory = our_content["kernel_memory"].as_u64().unwrap();
    let pss = our_metrics["pss"].as_u64().unwrap();
    assert!(pss > kernel_memory, "the kernel is part of it: {our_metrics}");

    let route = "/api/metrics/v1/kernel_usage/get_usage/00000000-0000-0000-0000-000000000000";
    let (their_answer, our_answer) = (theirs.get(route).await, owner.get(route).await);
    assert_eq!(their_answer.expect(404).json(), our_answer.expect(404).json());
}

/// Both numbers are of the same size.
fn near(name: &str, theirs: &Value, ours: &Value, times: f64) {
    let (theirs, ours) = (theirs[name].as_f64().unwrap(), ours[name].as_f64().unwrap());
    assert!(
        theirs <= ours * times && ours <= theirs * times,
        "{name}: {theirs} there, {ours} here"
    );
}
