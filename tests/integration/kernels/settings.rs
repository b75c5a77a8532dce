//! Settings of kernels, by the names that the reference has for them.

use std::{
    collections::HashSet,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use test_support::{TestClient, TestServer, TestServerBuilder, eventually, fake_kernel_program};
use wire::Subprotocol;

use super::{host_process::pids, python::interpreter};
use crate::{
    channels::{cell, content, kind, run, start_kernel, text},
    server::process::Home,
};

/// The reference's file of settings.
fn configured(settings: &Value) -> TestServerBuilder {
    TestServer::builder().config_file("jupyter_server_config.json", &settings.to_string())
}

fn fake(display_name: &str) -> Value {
    let argv = json!([fake_kernel_program(), "{connection_file}"]);
    json!({"argv": argv, "display_name": display_name, "language": "x"})
}

/// A kernel that does what a shell does.
fn shell(script: &str) -> Value {
    json!({"argv": ["/bin/sh", "-c", script], "display_name": "Shell", "language": "x"})
}

async fn names(client: &TestClient) -> Vec<String> {
    let list = client.get("/api/kernelspecs").await.expect(200).json();
    let names = list["kernelspecs"].as_object().unwrap().keys();
    names.cloned().collect()
}

async fn state_of(client: &TestClient, kernel: &str) -> String {
    let model = client.get(&format!("/api/kernels/{kernel}")).await.expect(200);
    model.json()["execution_state"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn allowed_kernelspecs_are_the_only_ones() {
    for name in ["allowed_kernelspecs", "whitelist"] {
        let server = configured(&json!({"KernelSpecManager": {name: ["python3", "mine"]}}))
            .kernelspec("mine", fake("Mine"))
            .kernelspec("other", fake("Other"))
            .start()
            .await;
        let owner = server.as_owner();
        assert_eq!(names(&owner).await, ["mine", "python3"], "{name}");
        owner
            .post("/api/kernels", &json!({"name": "other"}))
            .await
            .expect(400);
        owner.get("/api/kernelspecs/other").await.expect(404);
        owner
            .post("/api/kernels", &json!({"name": "mine"}))
            .await
            .expect(201);
    }
}

/// An environment whose Python has ipykernel, and in which nobody has installed a kernelspec.
fn environment_without_kernelspec(prefix: &Path) -> PathBuf {
    let real = interpreter();
    let lib = real.parent().and_then(Path::parent).unwrap().join("lib");
    let versions = std::fs::read_dir(lib)
        .unwrap()
        .flatten()
        .map(|entry| entry.path());
    let packages = |version: PathBuf| version.join("site-packages");
    let installed = versions
        .map(packages)
        .find(|packages| packages.join("ipykernel").is_dir())
        .unwrap();
    let version = installed.parent().and_then(Path::file_name).unwrap();
    let own = prefix.join("lib").join(version).join("site-packages");
    for dir in [&own, &prefix.join("bin")] {
        std::fs::create_dir_all(dir).unwrap();
    }
    let base = real.canonicalize().unwrap();
    let settings = format!("home = {}\n", base.parent().unwrap().display());
    std::fs::write(prefix.join("pyvenv.cfg"), settings).unwrap();
    std::fs::write(own.join("others.pth"), installed.display().to_string()).unwrap();
    symlink(installed.join("ipykernel"), own.join("ipykernel")).unwrap();
    let python = prefix.join("bin/python");
    symlink(base, &python).unwrap();
    python
}

#[tokio::test]
async fn a_python_without_kernelspec_is_offered_unless_no_native_kernel_is_to_be_ensured() {
    let dir = tempfile::tempdir().unwrap();
    let python = environment_without_kernelspec(dir.path());
    let builder = || TestServer::builder().without_fake_kernel().python(&python);
    let server = builder().start().await;
    let owner = server.as_owner();
    assert_eq!(names(&owner).await, ["python3"]);
    let kernel = start_kernel(&owner).await;
    let mut socket = owner.channels(&kernel, "s", Subprotocol::V1).await;
    let printed = text(&run(&mut socket, "import sys; print(sys.prefix)").await);
    assert_eq!(Path::new(printed.trim()), dir.path());

    let without = builder().setting("KernelSpecManager.ensure_native_kernel", "False");
    let server = without.start().await;
    let owner = server.as_owner();
    assert_eq!(names(&owner).await, [] as [&str; 0]);
    owner.post("/api/kernels", &json!({})).await.expect(400);
}

#[tokio::test]
async fn the_default_kernel_is_what_is_started_when_none_is_named() {
    let server = configured(&json!({"MappingKernelManager": {"default_kernel_name": "mine"}}))
        .kernelspec("mine", fake("Mine"))
        .start()
        .await;
    let owner = server.as_owner();
    let list = owner.get("/api/kernelspecs").await.expect(200).json();
    assert_eq!(list["default"], "mine");
    let model = owner.post_empty("/api/kernels").await.expect(201).json();
    assert_eq!(model["name"], "mine");
    let body = json!({"path": "a.ipynb", "type": "notebook", "name": ""});
    let session = owner.post("/api/sessions", &body).await.expect(201).json();
    assert_eq!(session["kernel"]["name"], "mine");
}

#[tokio::test]
async fn a_pending_kernel_is_given_before_it_has_started() {
    // Both die before they answer, and long before a window in which that would be seen is over.
    for (settings, status) in [
        (json!({"Adrastea": {"early_death_window": 20}}), 500),
        (
            json!({"AsyncMultiKernelManager": {"use_pending_kernels": true}}),
            201,
        ),
        (json!({"MultiKernelManager": {"use_pending_kernels": true}}), 201),
    ] {
        let server = configured(&settings)
            .kernelspec("dies", shell("sleep 0.3; echo gone >&2; exit 7"))
            .start()
            .await;
        let owner = server.as_owner();
        let started = owner.post("/api/kernels", &json!({"name": "dies"})).await;
        let model = started.expect(status).json();
        if status == 201 {
            assert_eq!(model["execution_state"], "starting");
        }
        eventually("its end", async || {
            let list = owner.get("/api/kernels").await.expect(200).json();
            (list == json!([])).then_some(())
        })
        .await;
    }
}

/// How long a kernel that dies twice in a row is not there the second time.
async fn second_back_off(time_to_dead: f64) -> Duration {
    let server = configured(&json!({"KernelRestarter": {"time_to_dead": time_to_dead}}))
        .start()
        .await;
    let owner = server.as_owner();
    let kernel = start_kernel(&owner).await;
    let mut socket = owner.channels(&kernel, "s", Subprotocol::V1).await;
    let says = |state: &'static str| {
        move |message: &wire::Message| {
            kind(message) == "status" && content(message)["execution_state"] == state
        }
    };
    socket.send(&cell("exit 1")).await;
    socket.until("its first end", says("restarting")).await;
    run(&mut socket, "print again").await;
    socket.send(&cell("exit 1")).await;
    socket.until("its second end", says("restarting")).await;
    let died = Instant::now();
    assert_eq!(text(&run(&mut socket, "print again").await), "again\n");
    died.elapsed()
}

#[tokio::test]
async fn a_kernel_that_dies_again_waits_a_third_of_the_time_to_dead() {
    let (short, long) = tokio::join!(second_back_off(0.0), second_back_off(6.0));
    assert!(long >= Duration::from_millis(1_900), "{long:?}");
    assert!(short < Duration::from_millis(1_900), "{short:?}");
}

#[tokio::test]
async fn kernels_share_no_ports_whether_they_are_to_be_cached_or_not() {
    for cached in [true, false] {
        let server = configured(&json!({"KernelManager": {"cache_ports": cached}}))
            .start()
            .await;
        let owner = server.as_owner();
        let kernels = futures::future::join_all((0..8).map(|_| start_kernel(&owner))).await;
        let ports_of = |kernel: &String| -> Vec<u64> {
            let file = server.runtime_dir().join(format!("kernel-{kernel}.json"));
            let file: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
            let ports = [
                "shell_port",
                "iopub_port",
                "stdin_port",
                "control_port",
                "hb_port",
            ];
            ports.map(|port| file[port].as_u64().unwrap()).to_vec()
        };
        let ports: HashSet<u64> = kernels.iter().flat_map(ports_of).collect();
        assert_eq!(ports.len(), 8 * 5);
        let before = ports_of(&kernels[0]);
        let restart = format!("/api/kernels/{}/restart", kernels[0]);
        owner.post_empty(&restart).await.expect(200);
        assert_eq!(ports_of(&kernels[0]), before);
    }
}

#[tokio::test]
async fn a_kernel_that_does_not_answer_is_given_up_after_its_time() {
    let server = configured(&json!({"MappingKernelManager": {"kernel_info_timeout": 0.5}}))
        .kernelspec("silent", shell("sleep 600"))
        .setting("Adrastea.early_death_window", "0")
        .start()
        .await;
    let owner = server.as_owner();
    let silent = owner.post("/api/kernels", &json!({"name": "silent"})).await;
    let silent = silent.expect(201).json()["id"].as_str().unwrap().to_owned();
    let channels = format!("/api/kernels/{silent}/channels");
    let refused = owner.try_websocket(&channels, Subprotocol::V1).await;
    let Err(refused) = refused else {
        panic!("its WebSocket opened");
    };
    assert_eq!(refused.status, 503);
    assert!(refused.body.contains("did not answer"), "{}", refused.body);
}

#[tokio::test]
async fn a_kernel_that_will_not_end_is_killed_when_its_time_is_over() {
    let took = async |seconds: f64| {
        let server = configured(&json!({"KernelManager": {"shutdown_wait_time": seconds}}))
            .kernelspec(
                "stubborn",
                shell("trap '' TERM INT; while :; do sleep 1; done # {connection_file}"),
            )
            .setting("Adrastea.early_death_window", "0")
            .start()
            .await;
        let owner = server.as_owner();
        let stubborn = owner.post("/api/kernels", &json!({"name": "stubborn"})).await;
        let stubborn = stubborn.expect(201).json()["id"].as_str().unwrap().to_owned();
        eventually("its trap", async || is_stubborn(&stubborn).then_some(())).await;
        let asked = Instant::now();
        owner
            .delete(&format!("/api/kernels/{stubborn}"))
            .await
            .expect(204);
        assert_eq!(pids(&stubborn), None);
        asked.elapsed()
    };
    // Half of it after SIGTERM; it has no sockets to be asked on.
    let (short, long) = tokio::join!(took(0.2), took(5.0));
    assert!(long >= Duration::from_millis(2_400), "{long:?}");
    assert!(short < Duration::from_millis(2_400), "{short:?}");
}

/// Whether the kernel ignores SIGTERM.
fn is_stubborn(kernel: &str) -> bool {
    const SIGTERM: u64 = 15;
    let ignored = || {
        let status = std::fs::read_to_string(format!("/proc/{}/status", pids(kernel)?.kernel)).ok()?;
        let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"))?;
        u64::from_str_radix(mask.trim(), 16).ok()
    };
    ignored().is_some_and(|ignored| ignored & (1 << (SIGTERM - 1)) != 0)
}

#[tokio::test]
async fn what_counts_as_activity_can_be_chosen() {
    let untracked = [
        "execute_request",
        "execute_reply",
        "execute_input",
        "stream",
        "status",
        "kernel_info_request",
    ];
    let settings = json!({"MappingKernelManager": {"untracked_message_types": untracked}});
    let server = configured(&settings).start().await;
    let owner = server.as_owner();
    let kernel = start_kernel(&owner).await;
    let mut socket = owner.channels(&kernel, "s", Subprotocol::V1).await;
    run(&mut socket, "print first").await;
    let path = format!("/api/kernels/{kernel}");
    let before = owner.get(&path).await.expect(200).json();
    let sleeping = cell("print asleep\nsleep 600000 until interrupted");
    socket.send(&sleeping).await;
    socket
        .until("its output", |message| kind(message) == "stream")
        .await;
    let model = owner.get(&path).await.expect(200).json();
    assert_eq!(model["execution_state"], "idle");
    assert_eq!(model["last_activity"], before["last_activity"]);
    owner.post_empty(&format!("{path}/interrupt")).await.expect(204);
    // Tracked, though nothing that a front end does by itself is in the default.
    socket.answers_to(&sleeping).await;
    let other = test_support::request(wire::Channel::Shell, "comm_info_request", "s", &json!({}));
    socket.send(&other).await;
    socket.answers_to(&other).await;
    eventually("activity", async || {
        let model = owner.get(&path).await.expect(200).json();
        (model["last_activity"] != before["last_activity"]).then_some(())
    })
    .await;
}

#[tokio::test]
async fn output_is_kept_also_where_it_need_not_be() {
    let server = configured(&json!({"MappingKernelManager": {"buffer_offline_messages": false}}))
        .start()
        .await;
    let owner = server.as_owner();
    let kernel = start_kernel(&owner).await;
    let mut socket = owner.channels(&kernel, "s", Subprotocol::V1).await;
    let cell = cell("print before\nsleep 300\nprint after");
    socket.send(&cell).await;
    socket
        .until("its output", |message| kind(message) == "stream")
        .await;
    drop(socket);
    eventually("the end of the cell", async || {
        (state_of(&owner, &kernel).await == "idle").then_some(())
    })
    .await;
    let mut socket = owner.channels(&kernel, "s", Subprotocol::V1).await;
    assert!(text(&socket.answers_to(&cell).await).ends_with("after\n"));
}

#[tokio::test]
async fn front_ends_hear_what_counts_and_no_name_is_unknown() {
    let home = Home::new();
    let settings = json!({
        "KernelSpecManager": {"allowed_kernelspecs": ["python3"], "ensure_native_kernel": true},
        "AsyncMultiKernelManager": {"use_pending_kernels": false},
        "MappingKernelManager": {
            "default_kernel_name": "python3", "kernel_info_timeout": 60, "buffer_offline_messages": true,
            "untracked_message_types": ["status"],
        },
        "KernelManager": {"cache_ports": true, "transport": "tcp", "shutdown_wait_time": 5},
        "KernelRestarter": {"time_to_dead": 3},
    });
    home.write("config/jupyter_server_config.json", &settings.to_string());
    let server = home.start(&["--port=0"]).await;
    assert!(!server.log().contains("have no effect"), "{}", server.log());
    drop(server);

    let server = configured(&settings).python(interpreter()).start().await;
    let page = server.as_owner().get("/lab").await.expect(200).text();
    assert!(
        page.contains(r#""untracked_message_types": ["status"]"#),
        "{page}"
    );
}
