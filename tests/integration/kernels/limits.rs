//! Limits of what a kernel uses: who exceeds one reads it in the cell, and has a kernel again.

use serde_json::json;
use test_support::{TestClient, TestServer, TestServerBuilder};
use wire::Subprotocol;

use crate::channels::{cell, content, ipykernel, kind, parent, run, start_kernel, text};

/// A server whose only kernel is ipykernel.
fn python() -> TestServerBuilder {
    let argv = json!([
        ipykernel::python(),
        "-m",
        "ipykernel_launcher",
        "-f",
        "{connection_file}"
    ]);
    let spec = json!({"argv": argv, "display_name": "Python", "language": "python"});
    TestServer::builder()
        .without_fake_kernel()
        .kernelspec("python3", spec)
}

/// Runs a cell that exceeds a limit, reads the sentence in it, and runs another in the kernel that comes after it.
async fn exceeds(server: &TestServer, code: &str, sentence: &str) {
    let owner = server.as_owner();
    let kernel = start_kernel(&owner).await;
    let mut socket = owner.channels(&kernel, "s", Subprotocol::V1).await;
    assert_eq!(text(&run(&mut socket, "x = 1; print(x)").await), "1\n");
    let running = cell(code);
    socket.send(&running).await;
    let asked = running.header().unwrap().msg_id.into_owned();
    let told = socket
        .until("the sentence in the cell", |message| {
            kind(message) == "stream" && text(std::slice::from_ref(message)).contains("The kernel was")
        })
        .await;
    assert_eq!(parent(&told), asked);
    assert_eq!(content(&told)["name"], "stderr");
    assert_eq!(
        content(&told)["text"],
        format!("{sentence} It is started again.\n")
    );
    let restarting = socket
        .until("the restart", |message| {
            kind(message) == "status" && parent(message).is_empty()
        })
        .await;
    assert_eq!(content(&restarting)["execution_state"], "restarting");
    assert_eq!(
        text(&run(&mut socket, "print('x' in globals())").await),
        "False\n"
    );
    owner.delete(&format!("/api/kernels/{kernel}")).await.expect(204);
}

#[tokio::test]
async fn a_kernel_that_holds_too_much_memory_is_killed_and_its_cell_says_so() {
    let server = python()
        .setting("Adrastea.kernel_memory_bytes_max", "300M")
        .start()
        .await;
    let holding = "import time; held = b'x' * 600_000_000; time.sleep(600)";
    exceeds(&server, holding, "The kernel was killed: memory limit 300 MiB.").await;
    // None of these holds too much.
    let together = "
import subprocess, sys
code = 'import time; held = b\"x\" * 120_000_000; time.sleep(600)'
children = [subprocess.Popen([sys.executable, '-c', code], start_new_session=True) for _ in range(4)]
[child.wait() for child in children]";
    exceeds(&server, together, "The kernel was killed: memory limit 300 MiB.").await;
}

#[tokio::test]
async fn memory_that_processes_share_counts_once() {
    let server = python()
        .setting("Adrastea.kernel_memory_bytes_max", "400M")
        .start()
        .await;
    let owner = server.as_owner();
    let kernel = start_kernel(&owner).await;
    let mut socket = owner.channels(&kernel, "s", Subprotocol::V1).await;
    // 200 MB and four forks, which all have them: resident is a gigabyte.
    let forks = "
import os, time
held = b'x' * 200_000_000
children = []
for _ in range(4):
    pid = os.fork()
    if pid == 0:
        time.sleep(2); os._exit(0)
    children.append(pid)
print([os.waitpid(pid, 0)[1] for pid in children])";
    assert_eq!(text(&run(&mut socket, forks).await), "[0, 0, 0, 0]\n");
}

#[tokio::test]
async fn a_kernel_that_used_all_of_its_cpu_time_is_killed_and_its_cell_says_so() {
    // Starting takes a part of it.
    let server = python()
        .setting("Adrastea.kernel_cpu_time_max", "5")
        .start()
        .await;
    exceeds(
        &server,
        "while True: pass",
        "The kernel was killed: CPU time limit 5 s.",
    )
    .await;
}

#[tokio::test]
async fn a_kernel_that_forks_without_end_is_killed_and_its_cell_says_so() {
    for host_process in ["True", "False"] {
        let server = python()
            .setting("Adrastea.kernel_processes_max", "100")
            .setting("Adrastea.kernel_host_process", host_process)
            .start()
            .await;
        let forking = "
import os, time
while True:
    if os.fork() == 0:
        os.setsid()
        time.sleep(600)";
        let sentence = "The kernel was killed: limit of 100 processes and threads.";
        exceeds(&server, forking, sentence).await;
    }
}

#[tokio::test]
async fn a_kernel_that_somebody_else_killed_is_said_to_be_in_its_cell() {
    let server = python().start().await;
    let killing = "
import os, signal, threading, time
threading.Timer(0.3, lambda: os.kill(os.getpid(), signal.SIGKILL)).start()
time.sleep(600)";
    let sentence = "The kernel was killed by signal 9, probably out of memory.";
    exceeds(&server, killing, sentence).await;
}

#[tokio::test]
async fn nobody_has_more_kernels_than_one_user_may() {
    let server = TestServer::builder()
        .setting("Adrastea.kernels_per_user_max", "2")
        .policy("owner")
        .start()
        .await;
    let (ada, bob) = (server.as_user("ada"), server.as_user("bob"));
    let count = async |who: &TestClient| {
        who.get("/api/kernels")
            .await
            .expect(200)
            .json()
            .as_array()
            .unwrap()
            .len()
    };
    // Of several at once no more are started either.
    let none = json!({});
    let started = futures::future::join_all((0..6).map(|_| ada.post("/api/kernels", &none))).await;
    let refused: Vec<_> = started.iter().filter(|answer| answer.status != 201).collect();
    assert_eq!(refused.len(), 4);
    for answer in refused {
        assert_eq!(answer.status, 429);
        let sentence =
            "You have as many kernels as one user may have here (2). Shut one down to start another.";
        assert_eq!(answer.json()["message"], sentence);
    }
    assert_eq!(count(&ada).await, 2);
    let session = json!({"path": "a.ipynb", "type": "notebook", "name": "", "kernel": {"name": "python3"}});
    ada.post("/api/sessions", &session).await.expect(429);
    assert_eq!(ada.get("/api/sessions").await.expect(200).json(), json!([]));
    assert_eq!(count(&ada).await, 2);

    start_kernel(&bob).await;
    let kernels = ada.get("/api/kernels").await.expect(200).json();
    let mine = started.iter().find(|answer| answer.status == 201).unwrap().json();
    let mine = mine["id"].as_str().unwrap();
    assert_eq!(kernels.as_array().unwrap().len(), 3, "this policy shows all");
    ada.delete(&format!("/api/kernels/{mine}")).await.expect(204);
    let opened = ada.post("/api/sessions", &session).await.expect(201).json();
    // One in place of another is not one more.
    let other = json!({"kernel": {"name": "python3"}});
    let changed = ada
        .patch(
            &format!("/api/sessions/{}", opened["id"].as_str().unwrap()),
            &other,
        )
        .await
        .expect(200)
        .json();
    assert_ne!(changed["kernel"]["id"], opened["kernel"]["id"]);
    ada.post("/api/kernels", &none).await.expect(429);

    // One that is gone is none any more.
    let kernel = changed["kernel"]["id"].as_str().unwrap();
    ada.delete(&format!("/api/kernels/{kernel}")).await.expect(204);
    start_kernel(&ada).await;
    ada.post("/api/kernels", &none).await.expect(429);
}
