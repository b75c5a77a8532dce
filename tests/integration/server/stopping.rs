//! The end of a server.

use serde_json::json;
use test_support::{eventually, fake_kernel_program};

use super::process::{Home, Running};

/// Their numbers on Linux and macOS.
const SIGINT: i32 = 2;
const SIGQUIT: i32 = 3;

async fn with_kernel(home: &Home) -> Running {
    let server = home.start(&["--port=0"]).await;
    let model = server.post("api/kernels", &json!({})).await;
    assert!(model["id"].is_string(), "{model}");
    eventually("a connection file", || {
        std::future::ready((connection_files(home) == 1).then_some(()))
    })
    .await;
    server
}

fn connection_files(home: &Home) -> usize {
    let names = home.path("runtime").read_dir().expect("files");
    names
        .filter(|entry| {
            entry
                .as_ref()
                .is_ok_and(|it| it.file_name().to_string_lossy().starts_with("kernel-"))
        })
        .count()
}

#[tokio::test]
async fn sigterm_and_sigint_end_the_kernels_and_then_the_server() {
    let home = Home::new();
    for signal in ["TERM", "INT"] {
        let mut server = with_kernel(&home).await;
        server.signal(signal);
        assert!(server.ended().await.success(), "{}", server.log());
        assert!(
            server.log().contains("shutting down 1 kernel"),
            "{}",
            server.log()
        );
        assert_eq!(connection_files(&home), 0);
    }
}

/// Asks for many kernels, and signals when the first of their hosts listens. Gives the server when it has ended.
async fn signal_while_kernels_start(home: &Home, signal: &str) -> Running {
    let mut server = home.start(&["--port=0"]).await;
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let mut asked = tokio::task::JoinSet::new();
    for _ in 0..STARTED_AT_ONCE {
        let request = client.post(server.url() + "api/kernels");
        let request = request.header("authorization", format!("token {}", server.token()));
        asked.spawn(request.body("{}").send());
    }
    let hosts = home.path("runtime/hosts");
    eventually("a host", || {
        let listens = hosts.read_dir().is_ok_and(|mut sockets| sockets.next().is_some());
        std::future::ready(listens.then_some(()))
    })
    .await;
    server.signal(signal);
    assert!(server.ended().await.success(), "{}", server.log());
    server
}

/// How many kernels are asked for when the server is told to stop.
const STARTED_AT_ONCE: usize = 24;

#[tokio::test]
async fn kernels_that_are_being_launched_when_the_server_stops_end_with_it() {
    for signal in ["TERM", "INT"] {
        let home = Home::new();
        let server = signal_while_kernels_start(&home, signal).await;
        assert_eq!(processes_of(&home), Vec::<String>::new(), "{}", server.log());
        assert_eq!(connection_files(&home), 0);
        let sockets = home.path("runtime/hosts").read_dir().expect("a directory");
        assert_eq!(sockets.count(), 0);
    }
}

#[tokio::test]
async fn kernels_that_are_being_launched_when_the_server_leaves_them_are_the_next_ones() {
    let home = Home::new();
    let _left = signal_while_kernels_start(&home, "USR2").await;
    let mut running = processes_of(&home);
    running.sort();
    let mut server = home.start(&["--port=0"]).await;
    let kernels = server.client().get("/api/kernels").await.expect(200).json();
    let kernels = kernels.as_array().expect("a list").iter();
    let mut known: Vec<String> = kernels
        .map(|kernel| kernel["id"].as_str().expect("an id").to_owned())
        .collect();
    known.sort();
    assert_eq!(known, running);
    server.signal("TERM");
    assert!(server.ended().await.success());
    assert_eq!(processes_of(&home), Vec::<String>::new());
}

/// The ids of kernels that have processes.
fn processes_of(home: &Home) -> Vec<String> {
    let runtime = home.path("runtime").display().to_string();
    let processes = std::fs::read_dir("/proc").expect("processes").flatten();
    let ids = processes.filter_map(|entry| {
        let command_line = std::fs::read(entry.path().join("cmdline")).ok()?;
        let command_line = String::from_utf8_lossy(&command_line).into_owned();
        let (_, file) = command_line.split_once(&format!("{runtime}/kernel-"))?;
        Some(file.split_once(".json")?.0.to_owned())
    });
    ids.collect()
}

/// A shell starts what it puts into the background with these signals ignored, and who ignores one passes that on.
#[tokio::test]
async fn kernels_of_a_server_in_the_background_can_be_interrupted() {
    let home = Home::new();
    let note = home.path("ignored");
    let script = format!(
        "grep SigIgn /proc/self/status > {}; exec {} \"$1\"",
        note.display(),
        fake_kernel_program().display()
    );
    let kernel = json!({
        "argv": ["/bin/sh", "-c", script, "sh", "{connection_file}"], "display_name": "Noting", "language": "none",
    });
    home.write("data/kernels/noting/kernel.json", &kernel.to_string());
    let server = home.start_limited("trap '' INT QUIT", &["--port=0"]).await;
    let _ = server.post("api/kernels", &json!({"name": "noting"})).await;
    let ignored = eventually("a note", async || {
        let note = std::fs::read_to_string(&note).ok()?;
        note.strip_suffix('\n').map(str::to_owned)
    })
    .await;
    let mask = u64::from_str_radix(ignored.trim_start_matches("SigIgn:\t"), 16).expect("a mask");
    let of = |signal: i32| 1u64 << (signal - 1);
    assert_eq!(mask & (of(SIGINT) | of(SIGQUIT)), 0, "{ignored}");
}

#[tokio::test]
async fn a_client_can_stop_the_server() {
    let home = Home::new();
    let mut server = home.start(&["--port=0"]).await;
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let request = client.post(server.url() + "api/shutdown");
    let answer = request
        .header("authorization", format!("token {}", server.token()))
        .send()
        .await
        .expect("an answer");
    assert_eq!(answer.status(), 200);
    assert!(server.ended().await.success());
}

#[tokio::test]
async fn a_read_only_server_is_not_stopped_by_a_client() {
    let home = Home::new();
    let server = home.start(&["--port=0", "--policy=read-only"]).await;
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let request = client.post(server.url() + "api/shutdown");
    let answer = request
        .header("authorization", format!("token {}", server.token()))
        .send()
        .await
        .expect("an answer");
    assert_eq!(answer.status(), 403);
    assert_eq!(server.get("api").await, 200);
}
