//! Hosts that do not answer the server that comes for them: it waits for them, and keeps what is theirs.

use std::{
    os::unix::net::UnixStream,
    process::Command,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use test_support::{TestSocket, eventually, request};
use wire::{Channel, Subprotocol};

use super::process::{Home, Running};
use crate::{
    channels::{ipykernel::python, run, text},
    kernels::host_process::{Pids, is_alive, pids},
};

async fn start(home: &Home, more: &[&str]) -> Running {
    let usual = ["--ServerApp.port=0", "--IdentityProvider.token=secret"];
    let all: Vec<&str> = usual.iter().chain(more).copied().collect();
    home.start(&all).await
}

async fn sessions(server: &Running) -> Value {
    server.client().get("/api/sessions").await.expect(200).json()
}

/// A session with its kernel: its model, and its processes.
async fn open_session(server: &Running) -> (Value, Pids) {
    let body =
        json!({"path": "x.ipynb", "name": "x.ipynb", "type": "notebook", "kernel": {"name": "python3"}});
    let session = server
        .client()
        .post("/api/sessions", &body)
        .await
        .expect(201)
        .json();
    let pids = pids(session["kernel"]["id"].as_str().unwrap()).unwrap();
    (session, pids)
}

fn signal(name: &str, pid: i32) {
    let sent = Command::new("kill").args(["-s", name, &pid.to_string()]).status();
    assert!(sent.unwrap().success());
}

/// How many owners are written down.
fn owners(home: &Home) -> String {
    let count = "import glob, sqlite3, sys\n\
         [path] = glob.glob(sys.argv[1] + '/adrastea/instances/*.sqlite')\n\
         print(*sqlite3.connect(path).execute('select kind, count(*) from owners group by kind order by kind'))";
    let counted = Command::new(python())
        .args(["-c", count])
        .arg(home.path("data"))
        .output()
        .unwrap();
    assert!(counted.status.success(), "{counted:?}");
    String::from_utf8(counted.stdout).unwrap().trim().to_owned()
}

/// The session is there, and its kernel the same process, which still runs code.
async fn is_back(server: &Running, session: &Value, pids_before: Pids) {
    let kernel = session["kernel"]["id"].as_str().unwrap();
    let again = eventually("the session", async || {
        sessions(server).await.as_array().unwrap().first().cloned()
    })
    .await;
    assert_eq!(again["id"], session["id"]);
    assert_eq!(again["kernel"]["id"], session["kernel"]["id"]);
    assert_eq!(pids(kernel), Some(pids_before));
    let mut browser = server.client().channels(kernel, "browser", Subprotocol::V1).await;
    assert_eq!(text(&run(&mut browser, "print on").await), "on\n");
}

async fn end(server: &Running, session: &Value) {
    let path = format!("/api/sessions/{}", session["id"].as_str().unwrap());
    server.client().delete(&path).await.expect(204);
}

#[tokio::test]
async fn a_host_that_was_stopped_while_the_server_started_costs_nobody_their_kernel() {
    let home = Home::new();
    let server = start(&home, &[]).await;
    let (session, pids) = open_session(&server).await;
    let owned = owners(&home);
    assert!(owned.contains("kernels"), "{owned}");
    server.kill();
    signal("STOP", pids.host);
    let server = start(&home, &[]).await;
    assert_eq!(sessions(&server).await, json!([]));
    assert_eq!(owners(&home), owned);
    // Its id is nobody else's.
    let same = json!({"kernel_id": session["kernel"]["id"]});
    let refused = server.client().post("/api/kernels", &same).await;
    assert_eq!(refused.status, 409, "{}", refused.text());
    signal("CONT", pids.host);
    is_back(&server, &session, pids).await;
    assert_eq!(owners(&home), owned);
    end(&server, &session).await;
}

#[tokio::test]
async fn a_host_that_ends_while_the_server_waits_for_it_is_forgotten_with_all_that_was_its() {
    let home = Home::new();
    let server = start(&home, &[]).await;
    let (_, pids) = open_session(&server).await;
    server.kill();
    signal("STOP", pids.host);
    let server = start(&home, &[]).await;
    signal("KILL", pids.host);
    eventually("nobody to own anything", async || {
        owners(&home).is_empty().then_some(())
    })
    .await;
    assert!(!is_alive(pids.kernel));
    assert_eq!(sessions(&server).await, json!([]));
}

#[tokio::test]
async fn a_server_without_hosts_leaves_those_of_another_and_all_that_is_theirs() {
    let home = Home::new();
    let server = start(&home, &[]).await;
    let (session, pids) = open_session(&server).await;
    let owned = owners(&home);
    server.kill();
    let without = start(&home, &["--Adrastea.kernel_host_process=False"]).await;
    assert_eq!(sessions(&without).await, json!([]));
    // One of its own ends, with its session: the others stay.
    let (own, _) = open_session(&without).await;
    end(&without, &own).await;
    without.kill();
    let server = start(&home, &[]).await;
    is_back(&server, &session, pids).await;
    assert_eq!(owners(&home), owned);
    end(&server, &session).await;
}

#[tokio::test]
async fn a_crowd_at_a_hosts_door_keeps_no_server_out() {
    let home = Home::new();
    let server = start(&home, &[]).await;
    let (session, pids) = open_session(&server).await;
    server.kill();
    let hosts = std::fs::read_dir(home.path("runtime/hosts")).unwrap();
    let socket = hosts.flatten().next().unwrap().path();
    let crowd: Vec<_> = (0..500).map(|_| UnixStream::connect(&socket).unwrap()).collect();
    let began = Instant::now();
    let server = start(&home, &[]).await;
    is_back(&server, &session, pids).await;
    // Each of the crowd may stay for five seconds, unless there are too many.
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
    drop(crowd);
    end(&server, &session).await;
}

#[tokio::test]
async fn a_host_that_does_not_answer_keeps_nobody_from_ending_its_kernel() {
    let home = Home::new();
    let server = start(&home, &["--KernelManager.shutdown_wait_time=1"]).await;
    let (session, pids) = open_session(&server).await;
    signal("STOP", pids.host);
    let kernel = format!("/api/kernels/{}", session["kernel"]["id"].as_str().unwrap());
    let interrupted = server.client().post_empty(&format!("{kernel}/interrupt")).await;
    assert_eq!(interrupted.status, 503, "{}", interrupted.text());
    server.client().delete(&kernel).await.expect(204);
    assert!(!is_alive(pids.host) && !is_alive(pids.kernel));
    assert_eq!(sessions(&server).await, json!([]));
}

#[tokio::test]
async fn a_server_that_stops_ends_hosts_that_it_still_waits_for_and_one_that_leaves_its_kernels_does_not() {
    let home = Home::new();
    let server = start(&home, &[]).await;
    let (session, pids) = open_session(&server).await;
    server.kill();
    signal("STOP", pids.host);
    let mut server = start(&home, &[]).await;
    server.signal("USR2");
    assert!(server.ended().await.success(), "{}", server.log());
    let mut server = start(&home, &[]).await;
    assert!(is_alive(pids.host) && is_alive(pids.kernel));
    server.signal("TERM");
    assert!(server.ended().await.success(), "{}", server.log());
    eventually("the end of host and kernel", async || {
        (!is_alive(pids.host) && !is_alive(pids.kernel)).then_some(())
    })
    .await;
    let kernel = session["kernel"]["id"].as_str().unwrap();
    assert!(!home.path(&format!("runtime/kernel-{kernel}.json")).exists());
    assert_eq!(home.path("runtime/hosts").read_dir().unwrap().count(), 0);
    assert_eq!(sessions(&start(&home, &[]).await).await, json!([]));
}

#[tokio::test]
async fn a_host_that_does_not_answer_keeps_no_server_from_stopping() {
    let home = Home::new();
    let mut server = start(&home, &["--KernelManager.shutdown_wait_time=1"]).await;
    let (_, pids) = open_session(&server).await;
    signal("STOP", pids.host);
    server.signal("TERM");
    assert!(server.ended().await.success());
    eventually("the end of host and kernel", async || {
        (!is_alive(pids.host) && !is_alive(pids.kernel)).then_some(())
    })
    .await;
}

/// Sends messages of 10 kB that a kernel that is stopped does not take.
async fn flood(browser: &mut TestSocket, messages: usize) {
    let content = json!({"comm_id": "c", "data": {"text": "x".repeat(10_000)}});
    for _ in 0..messages {
        browser
            .send(&request(Channel::Shell, "comm_msg", "browser", &content))
            .await;
    }
}

#[tokio::test]
async fn a_host_whose_queue_the_server_before_has_filled_still_hears_what_it_is_told() {
    let home = Home::new();
    let wait = "--KernelManager.shutdown_wait_time=1";
    let server = start(&home, &[wait]).await;
    let (session, pids) = open_session(&server).await;
    let kernel = session["kernel"]["id"].as_str().unwrap();
    let mut browser = server.client().channels(kernel, "browser", Subprotocol::V1).await;
    signal("STOP", pids.kernel);
    flood(&mut browser, 2_200).await;
    server.kill();
    let server = start(&home, &[wait]).await;
    let client = server.client();
    let mut browser = client.channels(kernel, "browser", Subprotocol::V1).await;
    flood(&mut browser, 1_500).await;
    client
        .post_empty(&format!("/api/kernels/{kernel}/interrupt"))
        .await
        .expect(204);
    client.delete(&format!("/api/kernels/{kernel}")).await.expect(204);
    assert!(!is_alive(pids.kernel));
    assert!(!server.log().contains("does not answer"), "{}", server.log());
}
